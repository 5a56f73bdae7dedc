"""The rule that says when a run is stuck, and of what."""

from datetime import timedelta
from typing import Any

import pytest

from services.coordinator.stuck import Scene, Standstill, standstill
from spar.messages.base import StepKind
from spar.messages.stuck import StuckCause
from spar.runtime.census import SeenWorker

J, T = StepKind.JUDGMENT, StepKind.TRAINING
PATIENCE = timedelta(minutes=5)
ENGINE = Standstill(cause=StuckCause.ENGINE, what="no reply", fix="start it")
STORE = Standstill(cause=StuckCause.STORE, what="no reply", fix="start it")


def worker(*queues: str, version: str | None = "2") -> SeenWorker:
    return SeenWorker("w", frozenset(queues), version)


def scene(**changes: Any) -> Scene:
    """Nothing has ended for long, and messages wait in a queue that a worker of this version consumes."""
    usual = {"quiet": PATIENCE, "sent": {J: 3}, "workers": [worker("judgment")], "version": "2"}
    return Scene(**{**usual, **changes})


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (scene(workers=[]), StuckCause.NO_WORKER),
        (scene(workers=[worker("training")]), StuckCause.NO_WORKER),
        (scene(workers=[worker("judgment", version="1")]), StuckCause.OTHER_VERSION),
        (scene(workers=[worker("judgment", version=None)]), StuckCause.OTHER_VERSION),
        (scene(workers=[worker("judgment", version="1"), worker("judgment")]), StuckCause.UNKNOWN),
        (scene(unanswering=[STORE], workers=[]), StuckCause.STORE),
        (scene(unanswering=[STORE], running={J: 1}), StuckCause.STORE),  # who works cannot store what it makes
        (scene(paused={J: ENGINE}), StuckCause.ENGINE),
        (scene(paused={J: ENGINE}, sent={}, running={J: 1}), StuckCause.ENGINE),  # a probe
        (scene(sent={}, ready={J: 1}, workers=None), StuckCause.UNKNOWN),
    ],
)
def test_what_a_run_is_stuck_of(seen: Scene, cause: StuckCause) -> None:
    found = standstill(seen, PATIENCE)
    assert found is not None
    assert found.cause is cause
    assert found.what
    assert found.fix


@pytest.mark.parametrize(
    "seen",
    [
        scene(quiet=PATIENCE - timedelta(seconds=1), workers=[]),
        scene(sent={}),  # nothing is open
        scene(sent={}, running={T: 1}, workers=[]),  # a training takes hours, and its lease says that it goes on
        scene(running={T: 1}, workers=[], paused={StepKind.REFINEMENT: ENGINE}),  # no step of the kind is open
    ],
)
def test_what_is_no_standstill(seen: Scene) -> None:
    assert standstill(seen, PATIENCE) is None


def test_it_names_the_queue_and_the_versions() -> None:
    nobody = standstill(scene(workers=[]), PATIENCE)
    other = standstill(scene(workers=[worker("judgment", version="1")]), PATIENCE)
    assert nobody is not None
    assert other is not None
    assert nobody.what == "no worker consumes judgment"
    assert "judgment are of another version (1) than the coordinator (2)" in other.what
