"""What a selection measured of its rows, held against the recipe: it passes, warns, or ends the run untrained."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from services.coordinator.events import SelectionDone
from services.coordinator.flow import next_actions
from services.coordinator.state import RunState
from spar.db.progress import read_progress
from spar.db.tables import Event, Run
from spar.messages.base import StepKind
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus, RunStatus
from spar.method.records import Outcome, Prompt
from spar.store.results import put_blob
from spar.store.rows import encode_rows
from tests.unit.coordinator.stage import Stage

GOOD = {"guard.same": 0.0, "guard.same.rows": 1.0, "guard.length_gap": 1.1, "guard.length_gap.rows": 1.0}
SAME = {**GOOD, "guard.same": 1.0}
LONG = {**GOOD, "guard.length_gap": 3.0}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def play(stage: Stage, counts: dict[str, float], **recipe: Any) -> str:
    """A run up to its selection, which measured these."""
    run_id = stage.submit(**recipe)
    for queue in ("generation", "judgment", "refinement"):
        for _ in range(3):
            message = stage.take(queue)
            stage.finish(message, f"results/{queue}/{message['fingerprint']}")
    message = stage.take("training")
    finished = stage.finished(message, stage.put_selection(message))
    stage.report(finished.model_copy(update={"counts": counts}))
    return run_id


def end_of(stage: Stage) -> RunEnd:
    return RunEnd.model_validate(stage.run_row().end)


def warnings(stage: Stage) -> list[tuple[str, str]]:
    events = [event.fields for event in stage.rows(Event) if event.name == "guard_warned"]
    return [(fields["guard"], fields["finding"]) for fields in events]


def alarms(stage: Stage, run_id: str) -> tuple[str, ...]:
    with Session(stage.database) as session:
        progress = read_progress(session, run_id)
    assert progress is not None
    return progress.alarms


def test_rows_that_pass_are_trained_on(stage: Stage) -> None:
    run_id = play(stage, GOOD)
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]
    assert (warnings(stage), alarms(stage, run_id)) == ([], ())


def test_a_guard_that_fails_stops_the_run_before_it_trains(stage: Stage) -> None:
    play(stage, SAME)
    assert stage.run_row().status is RunStatus.STOPPED
    assert stage.steps("training") == []
    end = end_of(stage)
    assert end.reason is EndReason.GUARDS
    assert end.exit_code == 2
    assert "iteration 1" in end.what
    assert "pairs whose chosen and rejected are the same text: 100.0% of 1" in end.what
    assert "guards.same=warn" in end.fix


@pytest.mark.parametrize("accepted", [{"same": "off"}, {"same": "warn"}, {"same_most": 1.0}])
def test_a_stopped_run_resumes_once_its_rows_are_accepted(stage: Stage, accepted: dict[str, Any]) -> None:
    play(stage, SAME)
    stage.submit()
    assert end_of(stage).reason is EndReason.GUARDS  # nothing was accepted
    stage.submit(guards=accepted)
    assert stage.run_row().status is RunStatus.RUNNING
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]
    assert [step.attempt for step in stage.steps("selection")] == [1]
    assert [name for name, _ in warnings(stage)] == (["same"] if accepted == {"same": "warn"} else [])
    stage.check_counters()


def test_a_warning_is_an_event_and_an_alarm_and_the_run_goes_on(stage: Stage) -> None:
    run_id = play(stage, LONG)
    [(guard, finding)] = warnings(stage)
    assert guard == "length_gap"
    assert "3.00 of 1, but guards.length_gap_most is 2" in finding
    assert alarms(stage, run_id) == (f"iteration 1: {finding}",)
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]


def test_a_warning_may_stop_the_run_instead(stage: Stage) -> None:
    play(stage, LONG, guards={"length_gap": "stop"})
    assert end_of(stage).reason is EndReason.GUARDS
    assert warnings(stage) == []


def test_a_selection_of_an_older_version_measured_nothing(stage: Stage) -> None:
    play(stage, {}, guards={"same": "stop", "contaminated": "stop"})
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]


def play_against(stage: Stage, evaluated: str, lost: bool = False) -> None:
    """The selection's one pair is of prompt 0; that of prompt 1 was all good, and nothing learns from it."""
    rows = encode_rows(step="measured", fingerprint="", rows=[Prompt(id=evaluated, text="used by the evaluation")])
    key = put_blob(stage.store, "measured", rows).key
    run_id = stage.submit()
    with Session(stage.database) as session:
        run = session.get_one(Run, run_id)
        run.inputs = {**run.inputs, "evaluated": key}
        session.add(run)
        session.commit()
    if lost:
        stage.store.remove(key)
    play(stage, GOOD)


@pytest.mark.parametrize(("evaluated", "share"), [("0", 1.0), ("1", 0.0)])
def test_contamination_is_measured_where_the_evaluation_is_known(stage: Stage, evaluated: str, share: float) -> None:
    play_against(stage, evaluated)
    [selection] = stage.steps("selection")
    assert selection.facts["counts"]["guard.contaminated"] == share
    assert [name for name, _ in warnings(stage)] == (["contaminated"] if share else [])


def test_losing_the_evaluations_prompts_is_an_event_and_ends_nothing(stage: Stage) -> None:
    play_against(stage, "0", lost=True)
    [event] = [event.fields for event in stage.rows(Event) if event.name == "guard_unmeasured"]
    assert event["guard"] == "contaminated"
    assert [step.part for step in stage.steps("training")] == ["actor", "refiner"]


def test_nothing_to_learn_from_comes_before_a_guard() -> None:
    """What the guards measured of no rows explains nothing."""
    guarded = RunEnd(reason=EndReason.GUARDS, what="guards: planted")
    state = RunState(
        running=True,
        iteration=1,
        iterations=1,
        status=IterationStatus.SELECTION,
        shards=1,
        chain=(StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT),
        window=1,
        evaluates=False,
    )
    ends = [
        next_actions(state, SelectionDone(pairs=rows, examples=rows, outcomes={Outcome.ALL_GOOD: 4}, guarded=guarded))[
            0
        ]
        for rows in (0, 4)
    ]
    assert [end.end.reason for end in ends] == [EndReason.NOTHING_LEARNED, EndReason.GUARDS]  # type: ignore[union-attr]
