"""Silence with a cause: whichever process was absent, paused, stopped or cut off, the bytes are an undisturbed run's.

And no step is charged for it: on Redis, PostgreSQL and S3, each service a process of its own.
"""

import signal
import time
from pathlib import Path

import pytest
from sqlmodel import Session, select

from spar.db.tables import Event, Step
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.report.build import build_report
from spar.testing.trainer import STEP_SECONDS
from tests.end_to_end.simulated import facts_of, report_of, run, write_recipe
from tests.integration.stack import SERVICES, Stack
from tests.integration.test_loop import in_flight

pytestmark = pytest.mark.end_to_end

SLOW = {"kind": "simulated", "latency": 0.05}
FEW_STEPS = {"kind": "simulated", "batch_size": 64, "epochs": 1}
TRAINING = {"actor": dict(FEW_STEPS), "refiner": dict(FEW_STEPS)}  # YAML would write one as an alias of the other
LEASE_S = 3.0
"""The stack's."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    folder = tmp_path_factory.mktemp("embedded")
    ended = run(["run", write_recipe(folder, engine=SLOW, iterations=1, training=TRAINING), "--dir", folder / "home"])
    assert ended.returncode == 0, ended.stderr
    return facts_of(report_of(folder / "home"))


def submit(made: Stack, folder: Path) -> str:
    changes = {"engine": SLOW, "iterations": 1, "training": TRAINING, "dispatch": {"attempts": 1}}
    return made.submit(write_recipe(folder / "recipe", **changes))


def check(made: Stack, run_id: str, undisturbed: list[object]) -> None:
    """Each step has one attempt, so a step charged with a failure would be dead."""
    assert made.wait(run_id).status is RunStatus.FINISHED, made.log("coordinator")
    with Session(made.database) as session:
        assert {step.failures for step in session.exec(select(Step))} == {0}
        # The recipes differ only in the number of attempts, which does not affect results.
        assert facts_of(build_report(session, made.store, run_id).model_dump(mode="json")) == undisturbed


def events(made: Stack) -> list[str]:
    with Session(made.database) as session:
        return [event.name for event in session.exec(select(Event))]


def pause(made: Stack, *names: str) -> None:
    """Pause the processes for two leases."""
    for name in names:
        made.processes[name].send_signal(signal.SIGSTOP)
    time.sleep(2 * LEASE_S)  # the test is that this time passes
    for name in names:
        made.processes[name].send_signal(signal.SIGCONT)


def test_a_paused_coordinator_counts_no_silence_as_a_loss(
    stopped: Stack, undisturbed: list[object], tmp_path: Path
) -> None:
    stopped.start(*SERVICES)
    run_id = submit(stopped, tmp_path)
    stopped.wait_for(run_id, in_flight(StepKind.REFINEMENT))
    pause(stopped, "coordinator")
    check(stopped, run_id, undisturbed)
    assert "coordinator_absent" in events(stopped)
    assert "attempt_lost" not in events(stopped)


def test_paused_workers_cost_no_step_an_attempt(stopped: Stack, undisturbed: list[object], tmp_path: Path) -> None:
    stopped.start(*SERVICES)
    run_id = submit(stopped, tmp_path)
    stopped.wait_for(run_id, in_flight(StepKind.REFINEMENT))
    pause(stopped, "refinement", "judgment")
    check(stopped, run_id, undisturbed)


def test_a_worker_that_is_stopped_returns_its_attempts(
    stopped: Stack, undisturbed: list[object], tmp_path: Path
) -> None:
    stopped.environment["SPAR_LEASE_S"] = "600"  # no lease expires in time
    stopped.start(*SERVICES)
    run_id = submit(stopped, tmp_path)
    stopped.wait_for(run_id, in_flight(StepKind.REFINEMENT))
    stopped.kill("refinement", signal.SIGTERM)
    stopped.start("refinement")
    check(stopped, run_id, undisturbed)
    assert "attempt_returned" in events(stopped)


def test_a_trainer_whose_heartbeat_is_cut_while_it_works_keeps_its_attempt(
    stopped: Stack, undisturbed: list[object], tmp_path: Path
) -> None:
    stopped.start(*(name for name in SERVICES if name != "training"))
    # No sign of life, and one optimizer step longer than two leases.
    stopped.environment |= {"SPAR_HEARTBEAT_S": "3600", STEP_SECONDS: str(2.5 * LEASE_S)}
    stopped.start("training")
    run_id = submit(stopped, tmp_path)
    check(stopped, run_id, undisturbed)
    assert "attempt_lost" in events(stopped)
    assert "Another trainer" not in stopped.log("training")
