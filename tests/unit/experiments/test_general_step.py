"""A general benchmark as a step of a run: lm-eval itself asks a server whose replies are known, by task files that the
run carries."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from services.evaluation.general import FOLDER, measure_task
from spar.engines.vllm_server.command import COMMAND_VARIABLE
from spar.errors import EngineError
from spar.evaluation.general_sets import files_for_run
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.evaluation import Evaluate, GeneralSpec
from spar.recipes.models import EngineSettings, VllmSettings
from spar.runtime.steps import put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from tests.fake_vllm import fake_vllm, starts
from tests.unit.engines.vllm_models import write_model

FACTS = {"Which city is on the Seine?": "Paris", "How many legs has an ant?": "Six"}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    rows = [{"question": question, "answer": answer} for question, answer in FACTS.items()]
    (folder / "facts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "facts.yaml").write_text(
        "task: facts\ndataset_path: json\ndataset_kwargs: {data_files: {test: facts.jsonl}}\ntest_split: test\n"
        'output_type: generate_until\ndoc_to_text: "{{question}}"\ndoc_to_target: "{{answer}}"\n'
        'generation_kwargs: {until: ["\\n"], temperature: 0.0, max_gen_toks: 16}\n'
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )
    return folder


async def knows_one(request: web.Request) -> web.Response:
    question = (await request.json())["messages"][-1]["content"]
    text = "Paris" if "Seine" in question else "Eight"
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 9}})


async def serve() -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", knows_one)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "models", store, 1 << 30)
    worker = Worker("w", store, cache, tmp_path / "work", lambda report: None, heartbeat_s=3600)
    yield worker
    worker.close()


def step(worker: Worker, tasks: Path, engine: EngineSettings, model: str = "served:m") -> Evaluate:
    files = files_for_run(["facts"], tasks)
    spec = GeneralSpec(
        task="facts",
        model=ModelRef(fingerprint="m" * 64, location=model),
        engine=EngineIdentity.of(engine),
        limit=None,
        max_tokens=None,
        seed=0,
        data=ObjectRef(key=put_rows(worker.store, "d", "d", files)),
    )
    envelope = {"run_id": "r", "step_id": 1, "attempt": 1, "deadline_s": 60.0, "engine": engine}
    return Evaluate.model_validate({**envelope, "fingerprint": spec.fingerprint(), "spec": spec})


@pytest.mark.end_to_end
def test_a_task_is_measured_and_nothing_is_left_behind(worker: Worker, tasks: Path, tmp_path: Path) -> None:
    runner, url = worker.loop.run(serve())
    command = step(worker, tasks, EngineSettings(kind="openai", url=url, max_batch=2))
    assert isinstance(command.spec, GeneralSpec)
    output = worker.loop.run(measure_task(worker, command, command.spec))
    worker.loop.run(runner.cleanup())
    [kept] = output.rows
    assert output.counts.flat() == {"score.facts": 50.0}
    assert kept.correct == {"facts/0": True, "facts/1": False}
    assert kept.report["settings"].keys() == {"task", "model", "engine", "seed", "lm_eval", "transformers"}
    assert str(tmp_path) not in json.dumps([kept.report, kept.items])
    assert [path.suffix for path in (worker.work_dir / FOLDER).iterdir()] == [".lock"]


def test_a_server_that_is_gone_is_reported_before_lm_eval_starts(worker: Worker, tasks: Path) -> None:
    runner, url = worker.loop.run(serve())
    worker.loop.run(runner.cleanup())
    command = step(worker, tasks, EngineSettings(kind="openai", url=url, max_batch=2))
    assert isinstance(command.spec, GeneralSpec)
    with pytest.raises(EngineError):
        worker.loop.run(measure_task(worker, command, command.spec))
    assert not list((worker.work_dir / FOLDER).rglob("lm-eval.log"))


@pytest.mark.end_to_end
def test_a_vllm_of_the_workers_own_is_measured_at_its_address(
    worker: Worker, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMAND_VARIABLE, shlex.join(fake_vllm(tmp_path / "journal")))
    model = write_model(tmp_path, "m")
    engine = EngineSettings(kind="vllm", max_batch=2, vllm=VllmSettings(device="cpu"))
    command = step(worker, tasks, engine, f"dir:{model.path}")
    assert isinstance(command.spec, GeneralSpec)
    output = worker.loop.run(measure_task(worker, command, command.spec))
    [kept] = output.rows
    assert kept.correct == {"facts/0": False, "facts/1": False}  # the stand-in writes about something else
    assert all(item["said"] for item in kept.items)
    [start] = starts(tmp_path / "journal")
    assert start["served_model_name"] == [f"spar-{'m' * 64}"]
    assert str(start["port"]) not in json.dumps([kept.report, kept.items])
