"""When what became of the prompts ends a run: the arithmetic, the flow, and resuming once the cause is gone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.coordinator import actions, events
from services.coordinator.flow import next_actions
from services.coordinator.shortfall import Canary, canary_shards, failed_canary, shortfall
from services.coordinator.state import StepCounts
from spar.db.tables import Event, PromptOutcome
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import RunStatus, StepState
from spar.method.records import Outcome
from spar.recipes.models import FailureSettings
from tests.unit.coordinator.stage import Stage
from tests.unit.coordinator.test_flow import DATA, E, G, J, R

SETTINGS = FailureSettings()
STRICT = {"failures": {}}
"""What users get by default."""


# ---- the arithmetic ----


@pytest.mark.parametrize(
    ("outcomes", "learned", "reason"),
    [
        ({Outcome.PAIR: 8, Outcome.UNPARSABLE: 2}, 8, None),
        ({Outcome.PAIR: 7, Outcome.UNPARSABLE: 3}, 7, EndReason.FAILURES),
        (
            {Outcome.PAIR: 7, Outcome.CONTEXT_EXCEEDED: 1, Outcome.TOO_LONG: 1, Outcome.REFUSED: 1},
            7,
            EndReason.FAILURES,
        ),
        ({Outcome.ALL_GOOD: 10}, 0, EndReason.NOTHING_LEARNED),
        ({Outcome.ALL_GOOD: 10}, 3, None),  # the refiner learns from judgments
        ({Outcome.PAIR: 1, Outcome.UNSOLVED: 9}, 1, None),
        ({}, 0, None),
    ],
)
def test_an_iteration_is_judged_by_its_outcomes(
    outcomes: dict[Outcome, int], learned: int, reason: EndReason | None
) -> None:
    end = shortfall(1, outcomes, learned, SETTINGS)
    assert (end and end.reason) == reason


def test_the_reason_names_what_was_lost_and_what_to_change() -> None:
    end = shortfall(2, {Outcome.PAIR: 4, Outcome.UNPARSABLE: 4, Outcome.TOO_LONG: 2}, 4, SETTINGS)
    assert end is not None
    assert end.what == (
        "iteration 2 lost 6 of 10 prompts to failures (4 unparsable, 2 too_long), more than failures.most allows (0.2)"
    )
    assert "templates: compact" in end.fix
    assert "failures.most=0.61" in end.fix
    assert end.exit_code == 2
    accepted = FailureSettings(most=0.61)
    assert shortfall(2, {Outcome.PAIR: 4, Outcome.UNPARSABLE: 4, Outcome.TOO_LONG: 2}, 4, accepted) is None


def test_what_an_engine_cost_exits_as_the_engine_does() -> None:
    outcomes = {Outcome.ENGINE_FAILED: 9, Outcome.PAIR: 1}
    for failure, code in ((FailureReason.ENGINE, 3), (FailureReason.MODEL_UNUSABLE, 2), (FailureReason.TRAINING, 1)):
        end = shortfall(1, outcomes, 1, SETTINGS, failure)
        assert end is not None
        assert end.exit_code == code


def test_nothing_learned_may_be_wanted() -> None:
    assert shortfall(1, {Outcome.ALL_GOOD: 10}, 0, FailureSettings(nothing_learned="continue")) is None


@pytest.mark.parametrize(
    ("canary", "failed"),
    [
        (Canary(shards=1, prompts=16, open=1), False),
        (Canary(shards=1, prompts=16, open=0, unusable=16), True),
        (Canary(shards=1, prompts=16, open=0, unusable=15), False),
        (Canary(shards=1, prompts=16, open=0, unusable=None), False),  # an older version did not count
        (Canary(shards=1, prompts=16, open=0, unusable=16, failure=FailureReason.ENGINE, error="HTTP 401"), True),
    ],
)
def test_a_canary_fails_only_as_a_whole(canary: Canary, failed: bool) -> None:
    assert (failed_canary(canary, 1) is not None) == failed


def test_a_small_canary_is_several_shards() -> None:
    assert [canary_shards(16, 9), canary_shards(2, 9), canary_shards(3, 9), canary_shards(2, 1)] == [1, 4, 3, 1]


# ---- the flow ----

READY = replace(DATA, counts={G: StepCounts(ready=4)})
OPEN = Canary(shards=1, prompts=16, open=1)


def test_the_canary_goes_first_and_alone() -> None:
    state = replace(READY, evaluates=True, evaluations=StepCounts(ready=2), canary=OPEN)
    assert next_actions(state, events.Woken()) == [actions.Dispatch(G, 1, 1)]
    flying = replace(state, counts={G: StepCounts(ready=3, in_flight=1)})
    assert next_actions(flying, events.Woken()) == []
    judged = replace(state, counts={G: StepCounts(ready=3, done=1), J: StepCounts(ready=1)})
    assert next_actions(judged, events.Woken()) == [actions.Dispatch(J, 1, 1)]


def test_later_canaries_do_not_hold_up_measurements() -> None:
    state = replace(READY, iteration=2, evaluates=True, evaluations=StepCounts(ready=2), canary=OPEN)
    assert next_actions(state, events.Woken()) == [actions.Dispatch(E, 2), actions.Dispatch(G, 1, 1)]


def test_a_canary_that_lives_lets_the_others_go() -> None:
    passed = Canary(shards=1, prompts=16, open=0, unusable=3)
    state = replace(READY, counts={G: StepCounts(ready=3, done=1), J: StepCounts(done=1)}, canary=passed)
    assert next_actions(state, events.ShardStepDone(J, 0)) == [actions.PrepareShardStep(R, 0)]
    assert next_actions(state, events.Woken()) == [actions.Dispatch(G, 3)]


def test_nothing_follows_from_a_canary_that_failed_but_the_end() -> None:
    unreadable = replace(READY, canary=Canary(shards=1, prompts=16, open=0, unusable=16))
    [stopped] = next_actions(unreadable, events.ShardStepDone(J, 0))
    assert isinstance(stopped, actions.StopRun)
    assert (stopped.end.reason, stopped.end.exit_code) == (EndReason.CANARY, 2)
    refused = replace(
        unreadable,
        canary=Canary(
            shards=1, prompts=16, open=0, unusable=16, failure=FailureReason.ENGINE, error="EngineError: HTTP 401"
        ),
    )
    [failed] = next_actions(refused, events.StepDied(kind=G, part="0", reason="HTTP 401", failure=FailureReason.ENGINE))
    assert isinstance(failed, actions.FailRun)
    assert "HTTP 401" in failed.end.what
    assert failed.end.exit_code == 3


def test_nothing_is_trained_or_measured_after_a_shortfall() -> None:
    state = replace(DATA, evaluates=True, judge_audit=True)
    outcomes = {Outcome.PAIR: 1, Outcome.UNPARSABLE: 9}
    [stopped] = next_actions(state, events.SelectionDone(pairs=1, examples=1, outcomes=outcomes))
    assert isinstance(stopped, actions.StopRun)
    assert stopped.end.reason is EndReason.FAILURES


# ---- the coordinator ----


def of(stage: Stage) -> tuple[RunStatus, EndReason | None]:
    run = stage.run_row()
    return run.status, None if run.end is None else RunEnd.model_validate(run.end).reason


def key_of(message: dict[str, Any], unusable: int) -> str:
    """Every result is named by its bytes, so that no two shards share what comes next."""
    return f"results/{message['fingerprint']}/{message['fingerprint']}{unusable}"


def through(stage: Stage, queue: str, unusable: int) -> list[dict[str, Any]]:
    """Finish all that waits in the queue; each of its results has a key of its own."""
    messages = []
    while stage.broker.waiting(queue):
        message = stage.take(queue)
        stage.finish(message, key_of(message, unusable), unusable)
        messages.append(message)
    return messages


def test_a_canary_spends_one_shard_and_is_computed_anew_when_the_run_is_resumed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    many = {"prompts": {"source": "world:story", "per_iteration": 24, "shard_size": 8}}
    stage.submit(**many, **STRICT)
    assert len(through(stage, "generation", 0)) == 1
    [judged] = through(stage, "judgment", 8)
    assert of(stage) == (RunStatus.STOPPED, EndReason.CANARY)
    assert [step.state for step in stage.steps()] == [StepState.DONE, StepState.READY, StepState.READY]

    stage.submit(**many, **STRICT)  # the same command
    [again] = through(stage, "judgment", 1)
    assert (again["step_id"], again["fingerprint"]) == (judged["step_id"], judged["fingerprint"])
    assert of(stage) == (RunStatus.RUNNING, None)
    assert len(through(stage, "generation", 0)) == 2
    assert len(through(stage, "judgment", 8)) == 2  # only the canary decides before the end
    assert of(stage) == (RunStatus.RUNNING, None)
    stage.check_counters()


def test_a_canary_that_died_fails_the_run_and_is_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit(**STRICT)
    assert stage.broker.waiting("generation") == 3  # six prompts are too few for less than all shards
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    assert of(stage) == (RunStatus.FAILED, EndReason.CANARY)
    assert RunEnd.model_validate(stage.run_row().end).exit_code == 2
    stage.submit(**STRICT)
    assert of(stage) == (RunStatus.RUNNING, None)
    assert len(through(stage, "generation", 0)) == 3


def select_with(stage: Stage, outcomes: list[str]) -> None:
    for queue, unusable in (("generation", 0), ("judgment", 0), ("refinement", 0)):
        through(stage, queue, unusable)
    message = stage.take("training")
    stage.finish(message, stage.put_selection(message, outcomes=outcomes))


def test_a_shortfall_stops_before_training_and_only_what_failed_is_computed_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit(**STRICT)
    through(stage, "generation", 0)
    for unusable in (2, 0, 0):
        message = stage.take("judgment")
        stage.finish(message, key_of(message, unusable), unusable)
    through(stage, "refinement", 0)
    message = stage.take("training")
    stage.finish(message, stage.put_selection(message, outcomes=["unparsable", "unparsable", *["pair"] * 4]))
    assert of(stage) == (RunStatus.STOPPED, EndReason.FAILURES)
    assert stage.steps("training") == []

    stage.submit(**STRICT)
    assert stage.rows(PromptOutcome) == []
    [again] = through(stage, "judgment", 0)
    assert again["spec"]["generated"]["key"] == stage.steps()[0].result_key
    assert len(through(stage, "refinement", 0)) == 1  # what was judged has a new key, so its trees are another result
    stage.check_counters()


def test_a_shortfall_may_be_accepted_afterwards(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit(**STRICT)
    select_with(stage, ["unparsable", "unparsable", *["pair"] * 4])
    assert of(stage) == (RunStatus.STOPPED, EndReason.FAILURES)
    stage.submit(failures={"most": 0.5})
    assert of(stage) == (RunStatus.RUNNING, None)
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]
    assert [step.attempt for step in stage.steps("judgment")] == [1, 1, 1]
    stage.check_counters()


def test_nothing_learned_stops_again_until_it_is_accepted(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit(**STRICT)
    select_with(stage, ["all_good"] * 6)
    assert of(stage) == (RunStatus.STOPPED, EndReason.NOTHING_LEARNED)
    stage.submit(**STRICT)
    assert of(stage) == (RunStatus.STOPPED, EndReason.NOTHING_LEARNED)
    stage.submit(failures={"nothing_learned": "continue"})
    assert of(stage) == (RunStatus.FINISHED, None)
    assert [event.name for event in stage.rows(Event)].count("failures_retried") == 1
    stage.check_counters()


def test_how_long_an_engine_may_be_away_is_the_recipes_to_say(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit(dispatch={"engine_wait_s": 0.0})
    stage.fail(stage.take(), reason="EngineUnavailable")
    assert of(stage) == (RunStatus.FAILED, EndReason.ENGINE)
    assert RunEnd.model_validate(stage.run_row().end).exit_code == 3
