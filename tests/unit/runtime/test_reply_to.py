"""Whom a worker tells: the coordinator, or the queue that a step's message names; and what the store keeps of it."""

import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spar.errors import EngineError, ObjectCorrupt
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.coordinator import Report, StepFailed, StepFinished, StepStarted, WorkerAlive
from spar.messages.counts import GenerationCounts
from spar.messages.evolution import Evolve, EvolveSpec
from spar.method.records import Prompt
from spar.recipes.models import EngineSettings, SamplingSettings
from spar.runtime.kept import keep_report, kept_report
from spar.runtime.steps import StepOutput, run_step
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from spar.store.results import put_blob

ENGINE = EngineSettings(kind="simulated")
OBJECT = ObjectRef(key=f"prompts/{'a' * 64}")
SPEC = EvolveSpec(
    model=ModelRef(fingerprint="m" * 64, location="served:m"),
    engine=EngineIdentity.of(ENGINE),
    forms=OBJECT,
    taxonomy=OBJECT,
    sampling=SamplingSettings(temperature=0.7, max_tokens=8),
    retries=0,
    seed=0,
    prompts=OBJECT,
)


def message(step_id: int = 1, reply_to: str | None = None, **changes: Any) -> Evolve:
    envelope = {"run_id": "r", "attempt": 1, "deadline_s": 60.0, "engine": ENGINE, "fingerprint": SPEC.fingerprint()}
    return Evolve.model_validate({**envelope, "step_id": step_id, "reply_to": reply_to, "spec": SPEC, **changes})


@dataclass
class Told:
    """What a worker said: (queue, report); queue None is the coordinator's."""

    worker: Worker
    said: "queue.SimpleQueue[tuple[str | None, Report]]"
    made: int = 0
    failure: Exception | None = None
    reports: list[tuple[str | None, Report]] = field(default_factory=list)

    def do(self, command: Evolve) -> list[tuple[str | None, Report]]:
        run_step(self.worker, command, self._work)
        reports = []
        while not self.said.empty():
            reports.append(self.said.get())
        return reports

    async def _work(self) -> StepOutput:
        self.made += 1
        if self.failure is not None:
            raise self.failure
        return StepOutput([Prompt.of("Write about the river.")], counts=GenerationCounts(prompts=1))


def telling(folder: Path, heartbeat_s: float) -> Told:
    said: queue.SimpleQueue[tuple[str | None, Report]] = queue.SimpleQueue()
    store = DirectoryStore(folder / "store")
    cache = ModelCache(folder / "models", store, 1 << 30)
    worker = Worker(
        "w",
        store,
        cache,
        folder,
        lambda report: said.put((None, report)),
        heartbeat_s,
        lambda report, to: said.put((to, report)),
    )
    return Told(worker, said)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    made = telling(tmp_path, heartbeat_s=3600)
    yield made
    made.worker.close()


def test_the_coordinator_unless_the_message_says_otherwise(told: Told) -> None:
    for reply_to in (None, "replies.mine"):
        kinds = [(to, type(report)) for to, report in told.do(message(reply_to=reply_to))]
        assert kinds == [(reply_to, StepStarted), (reply_to, StepFinished)]
    told.failure = EngineError("It refuses us.", "Set a key.")
    assert [to for to, _ in told.do(message(reply_to="another", fingerprint="f" * 64))] == ["another", "another"]


def test_an_envelope_without_it_is_written_as_before() -> None:
    assert "reply_to" not in message().model_dump(mode="json")
    assert message(reply_to="q").model_dump(mode="json")["reply_to"] == "q"
    assert message(reply_to="q").spec.fingerprint() == message().spec.fingerprint()


def test_only_steps_without_a_coordinator_leave_their_report_in_the_store(told: Told) -> None:
    told.do(message())
    assert list(told.worker.store.keys("reports")) == []
    _, (_, finished) = told.do(message(reply_to="mine"))
    assert kept_report(told.worker.store, SPEC.fingerprint()) == finished


def test_what_was_made_before_is_told_and_not_made_again(told: Told) -> None:
    _, (_, first) = told.do(message(reply_to="mine"))
    _, (_, again) = told.do(message(step_id=7, reply_to="later", attempt=3))
    assert isinstance(first, StepFinished)
    assert first.timings is not None
    assert first.timings.at_once == 1
    assert again == first.model_copy(update={"step_id": 7, "attempt": 3})
    assert told.made == 1
    for key in list(told.worker.store.keys("results")):
        told.worker.store.remove(key)
    told.do(message(reply_to="mine"))
    assert told.made == 2


def test_a_failure_is_not_kept(told: Told) -> None:
    told.failure = EngineError("It refuses us.", "Set a key.")
    _, (_, failed) = told.do(message(reply_to="mine"))
    assert isinstance(failed, StepFailed)
    assert kept_report(told.worker.store, SPEC.fingerprint()) is None


def test_the_first_kept_report_whose_result_is_there_counts(told: Told) -> None:
    store, fingerprint = told.worker.store, "f" * 64
    gone = StepFinished.model_validate(
        {"step_id": 1, "attempt": 1, "worker": "w", "fingerprint": fingerprint, "key": "results/x/y", "size": 1}
        | {"seconds": 1.0, "usage": {}, "counts": {}}
    )
    keep_report(store, gone)
    assert kept_report(store, fingerprint) is None
    here = gone.model_copy(update={"key": put_blob(store, "results/x", b"data").key})
    keep_report(store, here)
    assert kept_report(store, fingerprint) == here
    put_blob(store, "reports/other", json.dumps({"kind": "unheard of"}).encode())
    with pytest.raises(ObjectCorrupt, match="no report that this version can read"):
        kept_report(store, "other")


def test_signs_of_life_go_where_each_step_came_from(tmp_path: Path) -> None:
    told = telling(tmp_path, heartbeat_s=0.01)
    try:
        # The same step id twice: they are different senders' steps.
        for command in (message(1), message(2, "mine"), message(1, "mine"), message(1, "yours")):
            told.worker.hold(command)
        alive: dict[str | None, list[int]] = {}
        while len(alive) < 3:
            to, report = told.said.get(timeout=10)
            assert isinstance(report, WorkerAlive)
            alive[to] = [held.step_id for held in report.held]
        assert alive == {None: [1], "mine": [1, 2], "yours": [1]}
        told.worker.release(message(1, "yours"))
        told.worker.release(message(1))
        told.worker.release(message(2, "mine"))
        while told.said.get(timeout=10) != (
            "mine",
            WorkerAlive.model_validate({"worker": "w", "held": [{"step_id": 1, "attempt": 1}]}),
        ):
            pass
    finally:
        told.worker.close()
