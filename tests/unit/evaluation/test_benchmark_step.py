"""A benchmark as a step of a run: what it gives, that it goes on after a stop, and that its bytes are known.

If the golden fails because the same step now gives something else, raise BENCHMARK_REVISION in `spar.messages`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.evaluation.benchmarks import FOLDER, Resuming, measure_benchmark
from spar.data.readers.benchmark_files import DataFile
from spar.engines.base import Completion, Sampling
from spar.errors import ConflictError
from spar.evaluation.benchmarks.report import KeptReport
from spar.evaluation.call_book import call_key, open_call_book
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.evaluation import BenchmarkSpec, Evaluate
from spar.method.records import Prompt
from spar.method.templates import builtin_templates
from spar.recipes.models import AskSettings, EngineSettings
from spar.roles.usage import JUDGE_NODE, SeedScope
from spar.runtime.steps import put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache

ENGINE = EngineSettings(kind="simulated")
NEGATIVES = [{"prompt": f"Write about lamp {number}.", "response": "No."} for number in range(4)]
GOLDEN = (2, "19eed8b9e6f888e8")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "models", store, 1 << 30)
    worker = Worker("w", store, cache, tmp_path / "work", lambda report: None, heartbeat_s=3600)
    yield worker
    worker.close()


def step(worker: Worker) -> Evaluate:
    data = DataFile(name="negatives.jsonl", text="".join(json.dumps(row) + "\n" for row in NEGATIVES))
    spec = BenchmarkSpec(
        benchmark="refinement",
        model=ModelRef(fingerprint="m" * 64, location="served:golden"),
        refiner=None,
        judge=ModelRef(fingerprint="j" * 64, location="served:judge"),
        engine=EngineIdentity.of(ENGINE),
        templates=ObjectRef(key=put_rows(worker.store, "t", "t", [builtin_templates("spar")])),
        asking=AskSettings(votes=3),
        seed=1,
        data=ObjectRef(key=put_rows(worker.store, "d", "d", [data])),
    )
    envelope = {"run_id": "r", "step_id": 1, "attempt": 1, "deadline_s": 60.0, "engine": ENGINE, "judge": ENGINE}
    return Evaluate.model_validate({**envelope, "fingerprint": spec.fingerprint(), "spec": spec})


def measure(worker: Worker, command: Evaluate) -> KeptReport:
    assert isinstance(command.spec, BenchmarkSpec)
    output = worker.loop.run(measure_benchmark(worker, command, command.spec))
    [kept] = output.rows
    assert output.counts.flat() == {f"score.{name}": value for name, value in kept.report["scores"].items()}
    report: KeptReport = kept
    return report


def test_a_known_step_gives_a_known_result_and_leaves_nothing_behind(worker: Worker) -> None:
    command = step(worker)
    kept = measure(worker, command)
    assert kept.report["counts"]["items"] == len(kept.items) == 4
    assert {"acc_judge", "acc_self"} <= set(kept.report["scores"])
    text = json.dumps([kept.report, list(kept.items)], sort_keys=True)
    assert (command.spec.revision, hashlib.sha256(text.encode()).hexdigest()[:16]) == GOLDEN
    assert list((worker.work_dir / FOLDER).iterdir()) == []


def test_an_attempt_goes_on_from_what_an_earlier_one_was_told(worker: Worker) -> None:
    """The earlier attempt was told one thing that this engine never says, so it shows."""
    command = step(worker)
    folder = worker.work_dir / FOLDER / command.fingerprint
    prompt = Prompt.of(NEGATIVES[0]["prompt"])
    messages = builtin_templates("spar").judge_messages(prompt.text, NEGATIVES[0]["response"])
    seed = SeedScope(seed=1, iteration=0).derive(prompt, JUDGE_NODE, 0)
    with open_call_book(folder, {"model": "m" * 64, **EngineIdentity.of(ENGINE).model_dump()}) as book:
        book.put(
            call_key(messages, 1, Sampling(temperature=0.0, top_p=1.0, max_tokens=2048), seed),
            [Completion(text="no verdict", finish_reason="stop", prompt_tokens=1, completion_tokens=1)],
        )
    items = measure(worker, command).items
    assert [item["failure"] == "no_critique" for item in items] == [True, False, False, False]


def test_two_attempts_at_once_do_not_mix(worker: Worker) -> None:
    model = ModelRef(fingerprint="m" * 64, location="served:golden")
    with Resuming(worker, "f") as one, Resuming(worker, "f") as two:
        one.model(ENGINE, model)
        with pytest.raises(ConflictError):
            two.model(ENGINE, model)
