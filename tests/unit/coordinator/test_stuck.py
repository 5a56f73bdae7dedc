"""The rule that says when a run is stuck, and of what."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from services.coordinator.coordinator import CoordinatorLimits
from services.coordinator.stuck import Scene, Standstill, standstill
from spar.db.progress import read_progress
from spar.db.tables import Event
from spar.errors import ServiceError
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.messages.stuck import StuckCause
from spar.runtime.census import SeenWorker
from tests.unit.coordinator.stage import Stage

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


LONG_LEASES = CoordinatorLimits(
    window=100, lease=timedelta(hours=9), lost=timedelta(hours=9), stuck=timedelta(minutes=5)
)


def test_a_run_of_which_no_step_ends_is_stuck_until_one_does(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LONG_LEASES)
    run_id = stage.submit()
    message = stage.broker.take("generation")
    stage.pass_time(4, looks=4)
    assert stage.run_row().stuck is None
    stage.pass_time(2, looks=2)
    with Session(stage.database) as session:
        progress = read_progress(session, run_id)
    assert progress is not None
    assert progress.stuck is not None
    assert (progress.status, progress.stuck.cause) == (RunStatus.STUCK, StuckCause.UNKNOWN)
    stage.pass_time(2, looks=2)
    assert [event.name for event in stage.rows(Event)].count("run_stuck") == 1
    stage.finish(message)
    stage.pass_time(1)
    assert (stage.run_row().status, stage.run_row().stuck) == (RunStatus.RUNNING, None)
    assert "run_unstuck" in {event.name for event in stage.rows(Event)}


def test_a_broker_that_is_away_for_long_is_what_a_run_is_stuck_of(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LONG_LEASES)
    stage.submit()
    stage.broker.away = True
    for _ in range(4):
        with pytest.raises(ServiceError):
            stage.pass_time(2)
    assert stage.run_row().stuck is not None
    assert stage.run_row().stuck["cause"] == StuckCause.BROKER
