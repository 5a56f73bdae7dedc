"""The coordinator against a recording broker, real tables and a real store: what it books, sends, and sends again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from services.coordinator.inbox import Inbox
from services.coordinator.pauses import pause_after
from spar.db.tables import Event, Orphan, PromptOutcome, Run, Step, StoredResult
from spar.errors import ServiceError
from spar.messages.coordinator import LeasedAttempt, Report, StepReturned, StepStarted, WorkerAlive
from spar.messages.states import RunStatus, StepState
from spar.runtime.broker import BrokerReset
from spar.runtime.leases import LostReason
from spar.testing.broker import RecordingBroker
from tests.unit.coordinator.stage import Stage

LEASE = CoordinatorLimits(window=100, lease=timedelta(minutes=90), lost=timedelta(hours=1))


def step_of(stage: Stage, message: dict[str, Any]) -> Step:
    return next(step for step in stage.steps() if step.id == message["step_id"])


def wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between two looks at the condition


def test_a_submitted_run_begins_and_fills_its_queue(stage: Stage) -> None:
    stage.submit()
    assert stage.run_row().status is RunStatus.RUNNING
    assert stage.broker.waiting("generation") == 3
    assert {step.state for step in stage.steps()} == {StepState.DISPATCHED}


def test_messages_carry_no_text(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    assert message["spec"]["prompts"]["key"].startswith("prompts/")
    assert "start" not in str(message["spec"])


def test_a_finished_shard_goes_on_by_itself(stage: Stage) -> None:
    stage.submit()
    stage.finish(stage.take())
    judgment = stage.take("judgment")
    assert judgment["spec"]["generated"] == {"key": "results/x/aa"}
    assert stage.steps("judgment")[0].state is StepState.RUNNING


def test_what_was_just_prepared_goes_before_what_was_ready_earlier(stage: Stage) -> None:
    stage.submit(dispatch={"window": 2})
    stage.finish(stage.take())
    assert stage.broker.waiting("judgment") == 1
    assert stage.broker.waiting("generation") == 1  # the second of the two that went out first


def test_the_same_recipe_submitted_again_changes_nothing(stage: Stage) -> None:
    stage.submit()
    stage.submit()
    assert len(stage.rows(Run)) == 1
    assert stage.broker.waiting("generation") == 3


def test_a_failed_attempt_comes_again_after_a_pause_and_then_never(stage: Stage) -> None:
    stage.submit(dispatch={"attempts": 2})
    message = stage.take()
    stage.fail(message)
    [step] = [step for step in stage.steps() if step.id == message["step_id"]]
    assert (step.state, step.failures) == (StepState.READY, 1)
    assert step.not_before is not None
    assert stage.broker.waiting("generation") == 2
    with Session(stage.database) as session:  # the pause is over
        session.get_one(Step, step.id).not_before = None
        session.commit()
    stage.coordinator.tick()
    for _ in range(2):
        stage.take()
    again = stage.take()
    assert (again["step_id"], again["attempt"]) == (step.id, 2)
    stage.fail(again)
    [step] = [step for step in stage.steps() if step.id == message["step_id"]]
    assert (step.state, step.reason) == (StepState.DEAD, "DeadlineExceeded: why")
    assert "step_failed" in [event.name for event in stage.rows(Event)]


def test_what_cannot_work_is_not_tried_again(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    stage.fail(message, reason="DataError", retry=False)
    assert {step.state for step in stage.steps()} == {StepState.DEAD, StepState.DISPATCHED}


def test_facts_of_an_older_attempt_are_ignored_but_its_result_is_not(stage: Stage) -> None:
    stage.submit()
    old = stage.take()
    stage.broker.next_loss = BrokerReset.EVERYTHING
    stage.coordinator.tick()
    [step] = [step for step in stage.steps() if step.id == old["step_id"]]
    assert step.attempt == 2
    stage.fail(old)
    assert stage.steps()[0].state is StepState.DISPATCHED
    stage.finish(old)
    assert stage.steps()[0].state is StepState.DONE


def test_a_start_that_is_told_after_the_failure_changes_nothing(stage: Stage) -> None:
    stage.submit()
    message = stage.broker.take("generation")
    stage.fail(message)
    stage.report(StepStarted(step_id=message["step_id"], attempt=message["attempt"], worker="w"))
    [step] = [step for step in stage.steps() if step.id == message["step_id"]]
    assert step.state is StepState.READY


def test_reports_of_steps_that_nobody_knows_are_ignored(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    stage.finish({**message, "step_id": 10_000})
    stage.fail({**message, "step_id": 10_000})
    assert stage.steps()[0].state is StepState.RUNNING


def test_a_second_result_of_a_fingerprint_is_an_orphan(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    stage.finish(message, "results/x/aa")
    stage.finish(message, "results/x/bb")
    assert [row.key for row in stage.rows(StoredResult)] == ["results/x/aa"]
    assert [row.key for row in stage.rows(Orphan)] == ["results/x/bb"]
    assert stage.steps("judgment")[0].message["spec"]["generated"] == {"key": "results/x/aa"}


def test_another_recipe_reuses_what_it_shares(stage: Stage) -> None:
    stage.submit()
    for index in range(3):
        stage.finish(stage.take(), f"results/x/{index}")
    with Session(stage.database) as session:
        session.exec(select(Run)).one().status = RunStatus.FAILED
        session.commit()
    stage.broker.empty()
    stage.submit(name="other", training={"actor": {"learning_rate": 1e-3}})
    reused = [step for step in stage.steps() if step.reused]
    assert len(reused) == 3
    assert stage.broker.waiting("generation") == 0
    assert stage.broker.waiting("judgment") == 3


def test_an_emptied_broker_gets_what_was_dispatched_again(stage: Stage) -> None:
    stage.submit()
    running = stage.take()
    stage.broker.empty()
    stage.coordinator.tick()
    assert stage.broker.waiting("generation") == 2
    [step] = [step for step in stage.steps() if step.id == running["step_id"]]
    assert (step.state, step.attempt) == (StepState.RUNNING, 1)


def test_a_dead_process_loses_what_it_ran_and_nothing_else(stage: Stage) -> None:
    stage.submit()
    stage.finish(stage.take())
    stage.take()
    stage.broker = RecordingBroker()
    stage.restart()
    stage.coordinator.tick()
    assert [step.state for step in stage.steps()] == [StepState.DONE, StepState.DISPATCHED, StepState.DISPATCHED]
    assert [step.attempt for step in stage.steps()] == [1, 2, 2]
    assert [step.failures for step in stage.steps()] == [0, 0, 0]


def test_a_silent_worker_loses_its_lease_and_costs_the_step_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LEASE)
    stage.submit()
    message = stage.take()
    stage.pass_time(85, looks=3)
    assert step_of(stage, message).state is StepState.RUNNING
    stage.pass_time(10)
    step = step_of(stage, message)
    assert (step.state, step.failures, step.reason) == (StepState.READY, 0, LostReason.SILENT.explanation)
    assert step.not_before is not None
    stage.check_counters()


def test_a_step_over_which_workers_keep_falling_silent_waits_longer_each_time() -> None:
    assert [pause_after(lost).total_seconds() for lost in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]


def test_after_an_absence_of_its_own_the_coordinator_counts_silence_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LEASE)
    stage.submit()
    message = stage.take()
    stage.pass_time(9999)
    assert "coordinator_absent" in {event.name for event in stage.rows(Event)}
    stage.pass_time(85, looks=3)  # less than a lease since its return
    assert step_of(stage, message).state is StepState.RUNNING
    stage.pass_time(10)
    assert step_of(stage, message).state is StepState.READY


def test_after_an_absence_what_waits_is_read_before_anything_counts_as_lost(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LEASE)
    stage.submit()
    message = stage.take()
    stage.broker.send("coordinator.report", "coordinator", {})
    stage.pass_time(9999)
    stage.pass_time(150, looks=6)  # it is read by and by: much came meanwhile
    assert step_of(stage, message).state is StepState.RUNNING
    stage.broker.take("coordinator")
    stage.report(WorkerAlive(worker="w", held=()))
    stage.pass_time(85, looks=3)
    assert step_of(stage, message).state is StepState.RUNNING
    stage.pass_time(40, looks=2)
    assert step_of(stage, message).state is StepState.READY


def test_a_new_coordinator_does_not_take_its_own_birth_for_the_workers_silence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LEASE)
    stage.submit()
    message = stage.take()
    stage.restart()
    stage.pass_time(9999)
    assert step_of(stage, message).state is StepState.RUNNING


def test_a_returned_attempt_is_sent_again_at_once_and_free_of_charge(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    returned = StepReturned(step_id=message["step_id"], attempt=message["attempt"], worker="w")
    stage.report(returned)
    step = step_of(stage, message)
    assert (step.state, step.attempt, step.failures) == (StepState.DISPATCHED, 2, 0)
    stage.report(returned)  # of an older attempt: nothing
    assert step_of(stage, message).attempt == 2


def test_a_trainer_that_is_still_at_work_fails_nothing(stage: Stage) -> None:
    stage.submit(dispatch={"attempts": 1})
    message = stage.take()
    stage.fail(message, reason="TrainerBusy")
    step = step_of(stage, message)
    assert (step.state, step.failures) == (StepState.READY, 0)
    assert step.not_before is not None


def test_a_report_is_kept_until_the_database_takes_it(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    away = AwayAtFirst(stage.coordinator, times=2)
    inbox = Inbox(away, interval_s=3600, ended=pytest.fail)  # type: ignore[arg-type]  # what it uses of a coordinator
    inbox.start()
    inbox.put(stage.finished(message))
    wait_until(lambda: step_of(stage, message).state is StepState.DONE)
    assert inbox.close() == []
    assert away.refused == 2


def test_what_the_database_does_not_take_in_time_is_handed_over(stage: Stage) -> None:
    stage.submit()
    report = stage.finished(stage.take())
    inbox = Inbox(AwayAtFirst(stage.coordinator, times=10**9), interval_s=3600, ended=pytest.fail)  # type: ignore[arg-type]
    inbox.start()
    inbox.put(report)
    inbox.put(report)
    assert inbox.close() == [report, report]


@dataclass
class AwayAtFirst:
    """A coordinator whose database is away for its first reports."""

    coordinator: Coordinator
    times: int
    refused: int = 0

    def handle(self, report: Report) -> None:
        if self.refused < self.times:
            self.refused += 1
            raise ServiceError("The database is away.", "Start it.")
        self.coordinator.handle(report)

    def tick(self) -> None:
        pass


def test_a_sign_of_life_renews_the_lease(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    before = stage.steps()[0].alive_at
    held = LeasedAttempt(step_id=message["step_id"], attempt=message["attempt"])
    stage.report(WorkerAlive(worker="w", held=(held,)))
    after = stage.steps()[0].alive_at
    assert before is not None
    assert after is not None
    assert after > before


def test_a_message_that_never_arrived_is_sent_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CoordinatorLimits(window=100, lease=timedelta(hours=1), lost=timedelta(0)))
    stage.submit()
    stage.broker.queues.clear()  # silently
    stage.pass_time(1)
    assert stage.broker.waiting("generation") == 3
    assert [step.attempt for step in stage.steps()] == [2, 2, 2]


def test_a_backlog_is_not_a_loss(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CoordinatorLimits(window=100, lease=timedelta(hours=1), lost=timedelta(0)))
    stage.submit()
    stage.coordinator.tick()
    assert [step.attempt for step in stage.steps()] == [1, 1, 1]


def test_an_ill_engine_pauses_its_queue_and_fails_no_step(stage: Stage) -> None:
    stage.submit(dispatch={"window": 2})
    stage.fail(stage.take(), reason="EngineUnavailable")
    assert stage.broker.waiting("generation") == 1  # the other one that was in flight; nothing new
    assert {step.failures for step in stage.steps()} == {0}
    assert stage.run_row().status is RunStatus.RUNNING


def test_a_broker_that_is_away_loses_nothing(stage: Stage) -> None:
    stage.submit()
    message = stage.take()
    stage.broker.away = True
    stage.finish(message)
    assert stage.steps("judgment")[0].state is StepState.DISPATCHED
    stage.broker.away = False
    stage.broker.empty()
    stage.coordinator.tick()
    assert stage.broker.waiting("judgment") == 1


def test_a_dead_shard_does_not_stop_the_iteration(stage: Stage) -> None:
    stage.submit()
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    selection = stage.take("training")
    assert selection["spec"]["inputs"]["key"].startswith("inputs/")
    assert stage.rows(PromptOutcome) == []


def test_a_failed_run_goes_on_when_it_is_submitted_again(stage: Stage) -> None:
    stage.submit()
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    stage.fail(stage.take("training"), reason="DataError", retry=False)
    run = stage.run_row()
    assert run.status is RunStatus.FAILED
    assert run.reason == "selection failed for good: DataError: why"
    stage.submit()
    assert stage.run_row().status is RunStatus.RUNNING
    assert stage.broker.waiting("generation") == 3
