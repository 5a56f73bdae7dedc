"""A run that cannot proceed is reported as stuck, with its cause, and as running again when the cause is gone."""

import signal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from spar.db.tables import Event
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.messages.stuck import StuckCause
from tests.end_to_end.simulated import write_recipe
from tests.integration.stack import SERVICES, Stack
from tests.integration.test_loop import in_flight

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def running(stopped: Stack) -> Stack:
    stopped.environment["SPAR_STUCK_S"] = "5"
    stopped.start(*SERVICES)
    return stopped


def test_workers_that_disappear_and_return(running: Stack, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe", engine={"kind": "simulated", "latency": 0.05}, iterations=1)
    run_id = running.submit(recipe)
    running.wait_for(run_id, in_flight(StepKind.JUDGMENT))
    running.processes["judgment"].send_signal(signal.SIGSTOP)
    stuck = running.wait_for(run_id, lambda run: run.status is RunStatus.STUCK).stuck
    assert stuck is not None
    assert (stuck.cause, stuck.what) == (StuckCause.NO_WORKER, "no worker consumes judgment")
    running.processes["judgment"].send_signal(signal.SIGCONT)
    ended = running.wait(run_id)
    assert (ended.status, ended.stuck) == (RunStatus.FINISHED, None)
    with Session(running.database) as session:
        events = [event.name for event in session.exec(select(Event).order_by(Event.id))]  # type: ignore[arg-type]
    assert events.index("run_stuck") < events.index("run_unstuck") < events.index("run_finished")
