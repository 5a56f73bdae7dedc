"""Dead letters: bounded, retried with what follows from them, or dropped and counted."""

import pytest
from sqlmodel import Session

from spar.db.progress import LostSteps, read_progress
from spar.db.runs import dead_letters
from spar.db.tables import Event, Iteration, PromptOutcome
from spar.messages.commands import DROP, REPLAY, RESUME
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus, RunStatus, StepState
from tests.unit.coordinator.stage import Stage
from tests.unit.coordinator.test_commands import ask, kill_shards, status

BOUNDED = {"failures": {"canary": False, "most": 1.0, "nothing_learned": "continue"}}


def finish_all(stage: Stage, *queues: str) -> None:
    """Each result is named by its bytes, so that no two shards share what comes next."""
    for queue in queues:
        while stage.broker.waiting(queue):
            message = stage.take(queue)
            stage.finish(message, f"results/{message['fingerprint']}/{message['fingerprint']}")


def finish_run(stage: Stage) -> None:
    """To the end of a run of one iteration without anything to train on."""
    finish_all(stage, "generation", "judgment", "refinement")
    selection = stage.take("training")
    stage.finish(selection, stage.put_selection(selection, outcomes=["all_good"] * 6))


def dead(stage: Stage, run: str) -> list[int]:
    with Session(stage.database) as session:
        return [letter.step for letter in dead_letters(session, run)]


def lost(stage: Stage, run: str) -> LostSteps:
    with Session(stage.database) as session:
        progress = read_progress(session, run)
        assert progress is not None
        return progress.lost


def events(stage: Stage) -> list[str]:
    return [event.name for event in stage.rows(Event)]


def test_past_the_bound_the_run_fails_and_the_same_command_tries_its_dead_steps_again(stage: Stage) -> None:
    run = stage.submit(**BOUNDED)
    kill_shards(stage, 1)
    end = RunEnd.model_validate(stage.run_row().end)
    assert (status(stage, run), end.reason) == (RunStatus.FAILED, EndReason.DEAD_STEPS)
    assert "2 of the run's 6 prompts" in end.what
    stage.submit(**BOUNDED)
    assert status(stage, run) is RunStatus.RUNNING
    assert dead(stage, run) == []


def test_what_was_dropped_is_left_alone_by_resuming_and_counts_no_more(stage: Stage) -> None:
    run = stage.submit(**BOUNDED)
    kill_shards(stage, 1)
    [letter] = dead(stage, run)
    for _ in range(2):  # harmless the second time
        assert ask(stage, DROP, run, steps=[letter]) is None
    assert events(stage).count("dead_letters_dropped") == 1
    assert ask(stage, RESUME, run) is None
    assert dead(stage, run) == [letter]
    finish_run(stage)
    assert status(stage, run) is RunStatus.FINISHED
    assert lost(stage, run) == LostSteps()


def test_a_run_whose_last_open_shards_were_dropped_goes_on_to_its_selection(stage: Stage) -> None:
    run = stage.submit(**BOUNDED, dispatch={"window": 1})
    for _ in range(3):
        kill_shards(stage, 1)
        ask(stage, DROP, run, steps=dead(stage, run))
        ask(stage, RESUME, run)
    assert stage.broker.waiting("training") == 1
    assert len(stage.steps("selection")) == 1


def test_a_dropped_letter_that_is_named_is_tried_again(stage: Stage) -> None:
    run = stage.submit()
    kill_shards(stage, 1)
    [letter] = dead(stage, run)
    ask(stage, DROP, run, steps=[letter])
    assert ask(stage, REPLAY, run) is None
    assert dead(stage, run) == [letter]
    assert ask(stage, REPLAY, run, steps=[letter]) is None
    assert dead(stage, run) == []


def test_a_finished_run_that_lost_a_shard_replays_it_and_what_follows(stage: Stage) -> None:
    run = stage.submit()
    kill_shards(stage, 1)
    finish_run(stage)
    assert status(stage, run) is RunStatus.FINISHED
    assert lost(stage, run) == LostSteps(steps=1, prompts=2)
    assert ask(stage, REPLAY, run) is None
    stage.coordinator.tick()
    assert status(stage, run) is RunStatus.RUNNING
    [iteration] = stage.rows(Iteration)
    assert (iteration.status, iteration.finished_at) == (IterationStatus.SHARDS, None)
    assert stage.rows(PromptOutcome) == []
    assert [step.state for step in stage.steps("selection")] == []
    assert [step.state for step in stage.steps("judgment")] == [StepState.DONE, StepState.DONE]
    finish_run(stage)
    assert status(stage, run) is RunStatus.FINISHED
    assert len(stage.rows(PromptOutcome)) == 6
    assert lost(stage, run) == LostSteps()


def test_a_replay_takes_later_iterations_back(stage: Stage) -> None:
    run = stage.submit(iterations=2)
    kill_shards(stage, 1)
    finish_run(stage)
    assert [iteration.index for iteration in stage.rows(Iteration)] == [1, 2]
    finish_run(stage)
    assert status(stage, run) is RunStatus.FINISHED
    assert ask(stage, REPLAY, run) is None
    assert [iteration.index for iteration in stage.rows(Iteration)] == [1]
    finish_run(stage)  # both models stay as they were: all of the second iteration is found again
    assert status(stage, run) is RunStatus.FINISHED
    assert len(stage.rows(PromptOutcome)) == 12


def test_the_same_error_of_three_steps_pauses_their_kind_and_charges_none(stage: Stage) -> None:
    stage.submit(**BOUNDED)
    for _ in range(3):
        stage.fail(stage.take(), reason="EngineError")
    assert {(step.state, step.failures) for step in stage.steps()} == {(StepState.READY, 0)}
    assert events(stage).count("circuit_opened") == 1
    assert stage.run_row().status is RunStatus.RUNNING
    with Session(stage.database) as session:
        progress = read_progress(session, stage.run_row().id)
    assert progress is not None
    assert ["generation is paused" in alarm for alarm in progress.alarms] == [True]


def test_a_fault_that_stays_fails_the_run_and_resuming_takes_all_up_again(stage: Stage) -> None:
    run = stage.submit(**BOUNDED, dispatch={"engine_wait_s": 0.0})
    for _ in range(3):
        stage.fail(stage.take(), reason="EngineError")
    end = RunEnd.model_validate(stage.run_row().end)
    assert (status(stage, run), end.reason, end.exit_code) == (RunStatus.FAILED, EndReason.ENGINE, 3)
    assert len(dead(stage, run)) == 3
    assert ask(stage, RESUME, run) is None
    assert dead(stage, run) == []
    assert stage.broker.waiting("generation") == 3


@pytest.mark.parametrize("reason", ["ServiceError", "StoreError"])
def test_a_store_that_stays_away_ends_the_run_as_what_it_is(stage: Stage, reason: str) -> None:
    """A worker's only service is the store: nothing is said of an engine."""
    run = stage.submit(**BOUNDED, dispatch={"engine_wait_s": 0.0})
    stage.fail(stage.take(), reason=reason)
    end = RunEnd.model_validate(stage.run_row().end)
    assert (status(stage, run), end.reason, end.exit_code) == (RunStatus.FAILED, EndReason.STORAGE, 3)
    assert (end.what, bool(end.fix)) == ("the store stays unavailable: why", True)
    assert dead(stage, run) == []
    assert ask(stage, RESUME, run) is None
    assert status(stage, run) is RunStatus.RUNNING
