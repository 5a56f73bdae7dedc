"""What users ask of the coordinator: cancel, go on, replay; several runs, one at a time."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session, col, select

from services.coordinator.coordinator import Coordinator
from spar.db.commands import append_command
from spar.db.tables import Command, Event, Iteration, Run, utc_now
from spar.errors import ConflictError
from spar.messages.commands import CANCEL, REPLAY, RESUME, SUBMIT
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.messages.stuck import Stuck, StuckCause
from spar.report.build import build_report
from spar.testing.broker import RecordingBroker
from tests.unit.coordinator.stage import Stage


def ask(stage: Stage, kind: str, run_id: str, **more: Any) -> str | None:
    """Give a command and let it be taken; what its row then says is wrong with it."""
    key = uuid.uuid4().hex
    append_command(stage.database, key, kind, {"run_id": run_id, **more})
    stage.coordinator.tick()
    with Session(stage.database) as session:
        command = session.exec(select(Command).where(Command.key == key)).one()
        assert command.handled_at is not None
        return command.error


def status(stage: Stage, run_id: str) -> RunStatus:
    with Session(stage.database) as session:
        return session.get_one(Run, run_id).status


def outcomes(stage: Stage, run_id: str) -> dict[str, int]:
    """Those of iteration 1 that happened, as the report has them."""
    with Session(stage.database) as session:
        report = build_report(session, stage.store, run_id)
    return {outcome: count for outcome, count in report.iterations[1].outcomes.items() if count}


def kill_shards(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.fail(stage.take(), reason="DataError", retry=False)


def test_a_cancelled_run_sends_nothing_new_and_lets_finish_what_is_in_flight(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 2})
    first, second = stage.take(), stage.take()
    assert ask(stage, CANCEL, run) is None
    assert status(stage, run) is RunStatus.CANCELLING
    stage.finish(first, "results/x/first")
    assert status(stage, run) is RunStatus.CANCELLING
    stage.finish(second, "results/x/second")
    assert status(stage, run) is RunStatus.CANCELLED
    assert [step.state for step in stage.steps()] == [StepState.DONE, StepState.DONE, StepState.READY]
    assert [step.state for step in stage.steps("judgment")] == [StepState.READY, StepState.READY]
    assert stage.broker.waiting("judgment") == stage.broker.waiting("generation") == 0


def test_a_cancelled_runs_prompts_add_up(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 2})
    first, second = stage.take(), stage.take()
    ask(stage, CANCEL, run)
    stage.finish(first)
    stage.fail(second, reason="DataError", retry=False)
    assert status(stage, run) is RunStatus.CANCELLED
    assert outcomes(stage, run) == {"cancelled": 2, "engine_failed": 2, "not_reached": 2}


def test_a_cancelled_run_goes_on_where_it_stopped(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    message = stage.take()
    ask(stage, CANCEL, run)
    stage.finish(message)
    assert ask(stage, RESUME, run) is None
    assert status(stage, run) is RunStatus.RUNNING
    assert stage.take("judgment")["spec"]["generated"] == {"key": "results/x/aa"}
    assert [step.attempt for step in stage.steps()] == [1, 0, 0]
    assert stage.run_row().finished_at is None


def test_a_run_that_is_still_draining_can_be_kept(stage: Stage) -> None:
    run = stage.submit()
    message = stage.take()
    ask(stage, CANCEL, run)
    ask(stage, RESUME, run)
    assert status(stage, run) is RunStatus.RUNNING
    stage.finish(message)
    assert stage.broker.waiting("judgment") == 1


def test_what_is_lost_while_draining_is_not_sent_again(stage: Stage) -> None:
    run = stage.submit()
    stage.take()
    ask(stage, CANCEL, run)
    assert status(stage, run) is RunStatus.CANCELLING
    stage.broker = RecordingBroker()
    stage.restart()
    stage.coordinator.tick()
    assert status(stage, run) is RunStatus.CANCELLED
    assert stage.broker.queues == {}


def test_a_failed_attempt_ends_the_drain_too(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    message = stage.take()
    ask(stage, CANCEL, run)
    stage.fail(message)
    assert status(stage, run) is RunStatus.CANCELLED
    assert stage.steps()[0].state is StepState.READY


def test_a_queued_run_is_cancelled_at_once_and_can_be_queued_again(stage: Stage) -> None:
    stage.submit()
    second = stage.submit(name="second")
    assert ask(stage, CANCEL, second) is None
    assert status(stage, second) is RunStatus.CANCELLED
    assert ask(stage, RESUME, second) is None
    assert status(stage, second) is RunStatus.QUEUED


def test_runs_go_one_at_a_time_in_the_order_of_submission(stage: Stage) -> None:
    runs = [stage.submit(name=name, dispatch={"window": 1}) for name in ("first", "second", "third")]
    assert [status(stage, run) for run in runs] == [RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.QUEUED]
    ask(stage, CANCEL, runs[0])
    assert [status(stage, run) for run in runs] == [RunStatus.CANCELLING, RunStatus.QUEUED, RunStatus.QUEUED]
    stage.finish(stage.take())
    stage.coordinator.tick()
    assert [status(stage, run) for run in runs] == [RunStatus.CANCELLED, RunStatus.RUNNING, RunStatus.QUEUED]


def test_a_cancelled_run_that_is_submitted_again_goes_on(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    message = stage.take()
    ask(stage, CANCEL, run)
    stage.finish(message)
    assert stage.submit(dispatch={"window": 1}) == run
    assert status(stage, run) is RunStatus.RUNNING


@pytest.mark.parametrize(
    ("ended", "kind", "why"),
    [
        (RunStatus.FINISHED, CANCEL, "is finished: there is nothing to cancel"),
        (RunStatus.FAILED, CANCEL, "is failed: there is nothing to cancel"),
        (RunStatus.FINISHED, RESUME, "is finished: there is nothing to resume"),
    ],
)
def test_a_command_that_does_not_fit_changes_nothing(stage: Stage, ended: RunStatus, kind: str, why: str) -> None:
    run = stage.submit()
    with Session(stage.database) as session:
        session.get_one(Run, run).status = ended
        session.commit()
    assert why in (ask(stage, kind, run) or "")
    assert status(stage, run) is ended


def test_unknown_runs_and_commands_are_told(stage: Stage) -> None:
    assert ask(stage, CANCEL, "nobody") == "there is no run nobody"
    assert ask(stage, "dance", "nobody") == "unknown kind of command: dance"
    assert "Field required" in (ask(stage, "submit", "nobody") or "")


def test_one_key_is_one_command(stage: Stage) -> None:
    for _ in range(2):
        append_command(stage.database, "key", CANCEL, {"run_id": "a"})
    with pytest.raises(ConflictError):
        append_command(stage.database, "key", CANCEL, {"run_id": "b"})
    assert len(stage.rows(Command)) == 1


def test_dead_letters_are_replayed_while_their_shards_still_count(stage: Stage) -> None:
    run = stage.submit()
    kill_shards(stage, 2)
    first, second = [step.id for step in stage.steps() if step.state is StepState.DEAD]
    assert ask(stage, REPLAY, run, steps=[first]) is None
    states = {step.id: (step.state, step.failures) for step in stage.steps()}
    assert states[first] == (StepState.DISPATCHED, 0)
    assert states[second][0] is StepState.DEAD
    assert ask(stage, REPLAY, run) is None
    assert {step.state for step in stage.steps()} == {StepState.DISPATCHED}


def test_a_failed_selection_is_made_again_with_the_replayed_shards(stage: Stage) -> None:
    run = stage.submit()
    kill_shards(stage, 3)
    stage.fail(stage.take("training"), reason="DataError", retry=False)
    assert status(stage, run) is RunStatus.FAILED
    assert outcomes(stage, run) == {"engine_failed": 6}
    ask(stage, RESUME, run)
    assert stage.steps("selection") == []
    with Session(stage.database) as session:
        assert session.get_one(Iteration, (run, 1)).status is IterationStatus.SHARDS
    kill_shards(stage, 3)
    assert len(stage.steps("selection")) == 1
    assert stage.broker.waiting("training") == 1


def test_what_an_iteration_has_selected_without_stays_dead(stage: Stage) -> None:
    run = stage.submit()
    kill_shards(stage, 3)
    stage.take("training")  # the selection runs
    error = ask(stage, REPLAY, run)
    assert error is not None
    assert error.startswith("too late for steps 1, 2, 3")
    assert {step.state for step in stage.steps()} == {StepState.DEAD}


def test_a_failed_run_never_revives_shards_of_an_earlier_iteration(stage: Stage) -> None:
    run = stage.submit(iterations=2)
    kill_shards(stage, 1)
    with Session(stage.database) as session:  # as if a second iteration had begun and failed
        row = session.get_one(Run, run)
        row.iteration, row.status = 2, RunStatus.FAILED
        first = session.get_one(Iteration, (run, 1))
        first.status = IterationStatus.DONE
        session.add(
            Iteration(
                run_id=run,
                index=2,
                status=IterationStatus.SHARDS,
                prompts=6,
                shards=3,
                actor=first.actor,
                refiner=first.refiner,
            )
        )
        session.commit()
    ask(stage, RESUME, run)
    assert next(step.state for step in stage.steps() if step.iteration == 1) is StepState.DEAD


def test_a_home_in_which_nothing_runs_cancels_without_beginning_anything(stage: Stage) -> None:
    first = stage.submit()
    second = stage.submit(name="second")
    append_command(stage.database, "key", CANCEL, {"run_id": first})
    broker = RecordingBroker()
    Coordinator(stage.database, stage.store, broker, stage.limits).process_commands()
    assert status(stage, first) is RunStatus.CANCELLED
    assert status(stage, second) is RunStatus.QUEUED
    assert broker.queues == {}
    with Session(stage.database) as session:
        names = session.exec(select(Event.name).where(Event.run_id == first).order_by(col(Event.id).desc())).all()
    assert names[0] == "run_cancelled"


def test_a_late_failure_of_a_run_that_waits_again_kills_nothing(stage: Stage) -> None:
    """What nobody would hear of must not happen: the shard would be missing for ever."""
    run = stage.submit()
    late = stage.take()
    with Session(stage.database) as session:
        session.get_one(Run, run).status = RunStatus.FAILED
        session.commit()
    other = stage.submit(name="other")
    assert ask(stage, RESUME, run) is None
    assert (status(stage, run), status(stage, other)) == (RunStatus.QUEUED, RunStatus.RUNNING)
    stage.fail(late, reason="DataError", retry=False)
    [step] = [step for step in stage.steps() if step.id == late["step_id"]]
    assert (step.state, step.failures) == (StepState.READY, 0)


@pytest.mark.parametrize("command", [RESUME, SUBMIT])
def test_a_stuck_run_that_is_resumed_is_stuck_only_if_it_is_seen_again(stage: Stage, command: str) -> None:
    run = stage.submit()
    with Session(stage.database) as session, session.begin():
        stuck = Stuck(cause=StuckCause.STORE, what="it is gone", fix="Bring it back.", since=utc_now())
        session.get_one(Run, run).stuck = stuck.model_dump(mode="json")
    if command == RESUME:
        assert ask(stage, RESUME, run) is None
    else:
        stage.submit()
    assert stage.run_row().stuck is None
