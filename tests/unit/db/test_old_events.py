"""Events that version 0.1.0 stored are shown, and decided by, under today's names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.progress import events_after, read_progress
from spar.db.runs import run_events
from spar.db.tables import Event, Run
from spar.messages.states import RunStatus

FAILED = {"step": 1, "step_kind": "generation", "part": "0", "attempt": 1, "reason": "EngineError", "error": "no"}
DIED = {"step": 1, "step_kind": "generation", "part": "0", "reason": "EngineError: no"}
PARTED = {"iteration": 2, "source": "response", "told": "the refiner accepts more"}
OPENED = {"step_kind": "generation", "error": "It does not answer."}

OLD = [
    ("run_begun", {}),
    ("iteration_begun", {"iteration": 1, "shards": 1}),
    ("step_failed", FAILED),
    ("step_died", DIED),
    ("judge_parted", PARTED),
    ("model_kept", {"iteration": 1, "role": "actor"}),
    ("iteration_ended", {"iteration": 1}),
]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    database = open_database(f"sqlite:///{tmp_path / 'spar.db'}")
    migrate(database)
    with Session(database) as session:
        session.add(
            Run(id="r", recipe={"iterations": 1}, models={}, templates="t", prompts="p", status=RunStatus.RUNNING)
        )
        session.flush()
        yield session
    database.dispose()


def store(session: Session, *events: tuple[str, dict[str, object]]) -> None:
    for name, fields in events:
        session.add(Event(run_id="r", name=name, fields=fields))
        session.flush()


def test_old_events_are_read_under_todays_names(session: Session) -> None:
    store(session, *OLD)
    names = [
        "run_started",
        "iteration_started",
        "attempt_failed",
        "step_failed",
        "judge_drifted",
        "model_unchanged",
        "iteration_finished",
    ]
    assert [event.name for event in run_events(session, "r", 0)] == names
    assert [name for _, name, _ in events_after(session, "r", 0)] == names


def test_an_old_alarm_still_stands(session: Session) -> None:
    store(session, *OLD)
    progress = read_progress(session, "r")
    assert progress is not None
    assert progress.alarms == ("iteration 2: the refiner accepts more",)


@pytest.mark.parametrize(
    ("after", "paused"), [("run_moves_again", True), ("circuit_closed", False), ("run_begun", False)]
)
def test_an_old_pause_is_over_once_its_circuit_closes_or_the_run_starts_anew(
    session: Session, after: str, paused: bool
) -> None:
    store(session, ("circuit_opened_again", OPENED), (after, {"step_kind": "generation"}))
    progress = read_progress(session, "r")
    assert progress is not None
    assert [alarm.startswith("generation is paused") for alarm in progress.alarms] == [True] * paused
