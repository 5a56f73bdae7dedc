"""Results that the books have and the store has not: made again, counted, told, and not for ever."""

from typing import Any

from sqlmodel import Session, select

from services.coordinator.recompute.rows import selected_in
from services.coordinator.recompute.verdict import MOST_RECOMPUTES
from spar.db.tables import Event, PromptOutcome, Run, Step, StoredResult
from spar.messages.base import StepKind
from spar.messages.coordinator import StepStarted
from spar.messages.states import RunStatus, StepState
from spar.messages.training import Selected
from spar.store.results import get_verified
from spar.store.rows import decode_rows
from tests.unit.coordinator.stage import Stage

MISSING = "ObjectMissing"


def key_of(message: dict[str, Any], content: str = "aa") -> str:
    return f"results/{message['fingerprint']}/{content}"


def events(stage: Stage, name: str) -> list[dict[str, Any]]:
    return [event.fields for event in stage.rows(Event) if event.name == name]


def states(stage: Stage, kind: str) -> list[StepState]:
    return [step.state for step in stage.steps(kind)]


def finish_generation(stage: Stage) -> str:
    """Shard 0's, which leaves its judgment waiting; the key of the result."""
    message = stage.take()
    key = key_of(message)
    stage.finish(message, key)
    return key


def to_training(stage: Stage) -> str:
    """Every shard dies, so the selection is due, and is made: both trainings wait. The selection's key."""
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    message = stage.take("training")
    key = stage.put_selection(message)
    stage.finish(message, key)
    return key


def delete(stage: Stage, key: str) -> None:
    (stage.store.root / key).unlink()


def selected(stage: Stage, key: str) -> Selected:
    return decode_rows(get_verified(stage.store, key), Selected, key)[1][0]


def run_of(stage: Stage, run_id: str) -> Run:
    with Session(stage.database) as session:
        return session.get_one(Run, run_id)


def test_the_step_that_made_it_makes_it_again_and_then_the_reader_goes_on(stage: Stage) -> None:
    stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    stage.fail(stage.take("judgment"), MISSING, lost=key)
    again = stage.take()
    assert key_of(again) == key
    assert states(stage, "judgment") == [StepState.READY]
    assert stage.broker.waiting("judgment") == 0
    assert stage.rows(StoredResult) == []
    [told] = events(stage, "result_lost")
    assert (told["step_kind"], told["part"], told["key"], told["remade"]) == ("generation", "0", key, 1)
    stage.finish(again, key)
    judgment = stage.take("judgment")
    assert judgment["spec"]["generated"] == {"key": key}
    assert stage.steps("judgment")[0].failures == 0
    assert [told["same"] for told in events(stage, "result_recomputed")] == [True]


def test_what_comes_out_different_is_what_the_reader_then_reads(stage: Stage) -> None:
    stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    first = stage.take("judgment")
    stage.fail(first, "ObjectCorrupt", lost=key)
    again = stage.take()
    stage.finish(again, key_of(again, "bb"))
    judgment = stage.take("judgment")
    assert judgment["spec"]["generated"] == {"key": key_of(again, "bb")}
    assert judgment["fingerprint"] != first["fingerprint"]
    assert judgment["step_id"] == first["step_id"]


def test_others_wait_meanwhile_and_their_reports_are_taken(stage: Stage) -> None:
    stage.submit(dispatch={"window": 2})
    key = finish_generation(stage)
    other = stage.take()
    stage.fail(stage.take("judgment"), MISSING, lost=key)
    again = stage.take()
    stage.finish(other, "results/x/other")
    assert states(stage, "judgment") == [StepState.READY, StepState.READY]
    stage.coordinator.tick()
    assert stage.broker.waiting("judgment") == stage.broker.waiting("generation") == 0
    stage.finish(again, key)
    assert stage.broker.waiting("judgment") == 2


def test_a_result_that_is_lost_again_and_again_fails_the_run_and_resuming_starts_the_count_anew(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    for _ in range(MOST_RECOMPUTES):
        stage.fail(stage.take("judgment"), MISSING, lost=key)
        stage.finish(stage.take(), key)
    stage.fail(stage.take("judgment"), MISSING, lost=key)
    assert run_of(stage, run).status is RunStatus.FAILED
    assert "was lost again after 2 recomputes" in (run_of(stage, run).reason or "")
    stage.submit(dispatch={"window": 1})
    stage.fail(stage.take("judgment"), MISSING, lost=key)
    assert run_of(stage, run).status is RunStatus.RUNNING
    assert stage.take()["fingerprint"] in key


def test_readers_that_started_before_it_was_there_again_do_not_have_it_made_once_more(stage: Stage) -> None:
    stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    judgment = stage.take("judgment")
    with Session(stage.database) as session:  # as if the judgment had been sent before the generation was done again
        step = session.get_one(Step, judgment["step_id"])
        maker = session.get_one(Step, stage.steps()[0].id)
        step.dispatched_at, maker.finished_at = maker.finished_at, step.dispatched_at
        session.commit()
    stage.fail(judgment, MISSING, lost=key)
    assert stage.take("judgment")["step_id"] == judgment["step_id"]
    assert events(stage, "result_lost") == []


def test_a_repair_that_fails_for_good_fails_the_run_and_can_be_tried_again(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    stage.fail(stage.take("judgment"), MISSING, lost=key)
    stage.fail(stage.take(), "DataError", retry=False)
    assert run_of(stage, run).reason == (
        "generation 0 of iteration 1 was lost and could not be recomputed: DataError: why"
    )
    stage.submit(dispatch={"window": 1})
    again = stage.take()
    stage.finish(again, key)
    assert stage.take("judgment")["spec"]["generated"] == {"key": key}


def test_what_nothing_makes_says_what_to_do(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    stage.fail(stage.take(), MISSING, lost="templates/abc")
    assert run_of(stage, run).status is RunStatus.FAILED
    assert "templates/abc is no longer in the store" in (run_of(stage, run).reason or "")
    assert "submit the recipe again" in (run_of(stage, run).reason or "")
    stage.submit(dispatch={"window": 1})
    assert stage.broker.waiting("generation") == 1


def test_prompts_of_a_shard_are_stored_again_and_the_attempt_counts(stage: Stage) -> None:
    stage.submit(dispatch={"window": 1})
    message = stage.take()
    key = message["spec"]["prompts"]["key"]
    delete(stage, key)
    stage.fail(message, MISSING, lost=key)
    assert stage.store.exists(key)
    [step, *_] = stage.steps()
    assert (step.state, step.failures) == (StepState.READY, 1)


def test_the_inputs_of_a_selection_are_stored_again(stage: Stage) -> None:
    stage.submit()
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    message = stage.take("training")
    key = message["spec"]["inputs"]["key"]
    delete(stage, key)
    stage.fail(message, MISSING, lost=key)
    assert stage.store.exists(key)
    assert states(stage, "selection") == [StepState.READY]


def test_pairs_are_made_again_by_the_selection_whose_outcomes_still_add_up(stage: Stage) -> None:
    stage.submit()
    key = to_training(stage)
    actor, refiner = stage.take("training"), stage.take("training")
    lost = selected(stage, key).pairs_key
    stage.fail(actor, MISSING, lost=lost)
    again = stage.take("training")
    assert again["fingerprint"] in key
    other = stage.put_selection(again, seed="other")
    stage.finish(again, other)
    assert len(stage.rows(PromptOutcome)) == 6
    retried = stage.take("training")
    assert retried["spec"]["rows"] == {"key": selected(stage, other).pairs_key} != {"key": lost}
    assert states(stage, "training") == [StepState.RUNNING, StepState.RUNNING]
    assert stage.steps("training")[1].attempt == refiner["attempt"]


def test_a_selection_that_is_known_and_not_there_is_made_again_when_it_is_wanted(stage: Stage) -> None:
    stage.submit()
    key = to_training(stage)
    delete(stage, key)
    with Session(stage.database) as session:
        session.exec(select(Run)).one().status = RunStatus.FAILED
        session.commit()
    stage.broker.empty()
    second = stage.submit(name="second", training={"actor": {"learning_rate": 1e-3}})
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    message = stage.take("training")
    assert message["run_id"] == second
    assert message["fingerprint"] in key
    assert [told["key"] for told in events(stage, "result_lost")] == [key]


def models_of(stage: Stage) -> dict[str, Any]:
    """Two iterations: the first one's models are trained, and the second one's first shard is asked of the actor."""
    stage.submit(iterations=2, dispatch={"window": 1})
    to_training(stage)
    for _ in range(2):
        message = stage.take("training")
        stage.finish(message, key_of(message))
    return stage.take()


def test_a_model_is_trained_again_in_its_iteration_and_the_next_one_goes_on(stage: Stage) -> None:
    generation = models_of(stage)
    actor = generation["spec"]["model"]["fingerprint"]
    stage.fail(generation, MISSING, lost=f"models/{actor}/manifest.json")
    again = stage.take("training")
    assert again["fingerprint"] == actor
    assert stage.broker.waiting("generation") == 0
    stage.finish(again, key_of(again, "bb"))
    assert stage.take()["step_id"] == generation["step_id"]
    run = stage.run_row()
    assert (run.status, run.iteration) == (RunStatus.RUNNING, 2)
    assert len(stage.rows(PromptOutcome)) == 6


def test_a_model_whose_pairs_are_gone_too_is_made_from_the_same_pairs(stage: Stage) -> None:
    generation = models_of(stage)
    actor = generation["spec"]["model"]["fingerprint"]
    stage.fail(generation, MISSING, lost=f"models/{actor}/model.safetensors")
    training = stage.take("training")
    stage.fail(training, MISSING, lost=training["spec"]["rows"]["key"])
    selection = stage.take("training")
    assert stage.broker.waiting("training") == 0
    stage.finish(selection, stage.put_selection(selection))
    again = stage.take("training")
    assert again["fingerprint"] == actor
    stage.finish(again, key_of(again))
    assert stage.take()["step_id"] == generation["step_id"]


def test_a_model_that_would_come_out_as_another_one_fails_the_run(stage: Stage) -> None:
    generation = models_of(stage)
    actor = generation["spec"]["model"]["fingerprint"]
    stage.fail(generation, MISSING, lost=f"models/{actor}/model.safetensors")
    training = stage.take("training")
    stage.fail(training, MISSING, lost=training["spec"]["rows"]["key"])
    selection = stage.take("training")
    stage.finish(selection, stage.put_selection(selection, seed="other"))
    run = stage.run_row()
    assert run.status is RunStatus.FAILED
    assert "training actor of iteration 1 cannot be recomputed as it was" in (run.reason or "")


def test_a_given_model_that_is_gone_says_what_to_do(stage: Stage) -> None:
    stage.submit(dispatch={"window": 1})
    stage.fail(stage.take(), MISSING, lost="models/0123/model.safetensors")
    assert "no step of this run produces it" in (stage.run_row().reason or "")


def test_a_run_that_has_stopped_has_nothing_made_again(stage: Stage) -> None:
    run = stage.submit(dispatch={"window": 1})
    key = finish_generation(stage)
    judgment = stage.take("judgment")
    with Session(stage.database) as session:
        session.get_one(Run, run).status = RunStatus.FAILED
        session.commit()
    stage.report(StepStarted(step_id=judgment["step_id"], attempt=judgment["attempt"], worker="w"))
    stage.fail(judgment, MISSING, lost=key)
    assert states(stage, "judgment") == [StepState.READY]
    assert events(stage, "result_lost") == []


def test_one_models_first_set_was_selected_in_the_iteration_before() -> None:
    spec = {"rows": {"key": "examples/lessons"}, "more": [{"key": "examples/responses"}]}

    def training(iteration: int) -> Step:
        known: dict[str, Any] = {"run_id": "r", "part": "actor", "state": StepState.READY, "fingerprint": "f"}
        return Step(**known, iteration=iteration, kind=StepKind.TRAINING, message={"spec": spec})

    assert [selected_in(training(0), key) for key in ("examples/lessons", "examples/responses")] == [0, -1]
    assert selected_in(training(2), "examples/responses") == 2
