"""The flow as a table: from counters and an event to actions. Whole runs: test_whole_runs.py."""

from dataclasses import replace

import pytest

from services.coordinator import actions, events
from services.coordinator.flow import next_actions
from services.coordinator.state import RunState, StepCounts
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus
from tests.unit.coordinator.states import IN_ITS_FIRST_SHARDS

G, J, R = StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT
S, T, E = StepKind.SELECTION, StepKind.TRAINING, StepKind.EVALUATION
DATA = IN_ITS_FIRST_SHARDS
TRAINING = replace(DATA, status=IterationStatus.TRAINING)

UNEXPECTED = FailureReason.UNEXPECTED


def failed(reason: EndReason, what: str, failure: FailureReason | None = None) -> actions.FailRun:
    return actions.FailRun(RunEnd(reason=reason, what=what, failure=failure))


CASES: list[tuple[str, RunState, events.Event, list[actions.Action]]] = [
    ("a run begins", DATA, events.RunBegun(), [actions.BeginIteration(1)]),
    (
        "a measured run measures its start first",
        replace(DATA, evaluates=True),
        events.RunBegun(),
        [actions.PrepareEvaluation(0, "actor"), actions.PrepareEvaluation(0, "refiner"), actions.BeginIteration(1)],
    ),
    (
        "a run that makes its starting models measures what it was given, and begins before 1",
        replace(DATA, evaluates=True, first=-1),
        events.RunBegun(),
        [actions.PrepareEvaluation(-2, "actor"), actions.PrepareEvaluation(-2, "refiner"), actions.BeginIteration(-1)],
    ),
    (
        "with one of them made nothing is measured",
        replace(TRAINING, evaluates=True, first=-1, iteration=-1, halfway=True),
        events.TrainingDone("actor"),
        [actions.EndIteration(), actions.BeginIteration(0)],
    ),
    (
        "with both made the start is",
        replace(TRAINING, evaluates=True, first=-1, iteration=0),
        events.TrainingDone("refiner"),
        [
            actions.EndIteration(),
            actions.PrepareEvaluation(0, "actor"),
            actions.PrepareEvaluation(0, "refiner"),
            actions.BeginIteration(1),
        ],
    ),
    (
        "a given set is trained on at once",
        replace(DATA, first=-1, iteration=0, shards=0),
        events.DataGiven("refiner"),
        [actions.PrepareTraining("refiner"), actions.KeepModel("actor")],
    ),
    ("a shard goes on", DATA, events.ShardStepDone(G, 2), [actions.PrepareShardStep(J, 2)]),
    ("a shard goes on to search", DATA, events.ShardStepDone(J, 2), [actions.PrepareShardStep(R, 2)]),
    (
        "one shard's end is not the iteration's",
        replace(DATA, counts={R: StepCounts(done=3)}),
        events.ShardStepDone(R, 2),
        [],
    ),
    (
        "the last shard's end is",
        replace(DATA, counts={R: StepCounts(done=4)}),
        events.ShardStepDone(R, 2),
        [actions.PrepareSelection()],
    ),
    (
        "a dead shard has ended too",
        replace(DATA, counts={R: StepCounts(done=3), G: StepCounts(done=3, dead=1)}),
        events.StepDied(kind=G, part="1", reason="why"),
        [actions.PrepareSelection()],
    ),
    (
        "without a search judgment is the last step",
        replace(DATA, chain=(G, J), counts={J: StepCounts(done=4)}),
        events.ShardStepDone(J, 3),
        [actions.PrepareSelection()],
    ),
    (
        "both models train",
        DATA,
        events.SelectionDone(pairs=5, examples=9),
        [actions.PrepareTraining("actor"), actions.PrepareTraining("refiner")],
    ),
    (
        "a role without data keeps its model",
        DATA,
        events.SelectionDone(pairs=0, examples=9),
        [actions.KeepModel("actor"), actions.PrepareTraining("refiner")],
    ),
    (
        "no data at all: the iteration is over",
        DATA,
        events.SelectionDone(pairs=0, examples=0),
        [actions.KeepModel("actor"), actions.KeepModel("refiner"), actions.EndIteration(), actions.BeginIteration(2)],
    ),
    (
        "a refiner that is kept trains on nothing",
        replace(DATA, refiner="kept"),
        events.SelectionDone(pairs=5, examples=9),
        [actions.PrepareTraining("actor"), actions.KeepModel("refiner")],
    ),
    (
        "without training the rows are the result, and both models stay",
        replace(DATA, trains=False, iterations=1),
        events.SelectionDone(pairs=5, examples=9),
        [actions.KeepModel("actor"), actions.KeepModel("refiner"), actions.EndIteration(), actions.FinishRun()],
    ),
    (
        "without training one model stays what it was, in both roles",
        replace(DATA, trains=False, iterations=1, refiner="shared"),
        events.SelectionDone(pairs=5, examples=9),
        [actions.KeepModel("actor"), actions.ShareModel(), actions.EndIteration(), actions.FinishRun()],
    ),
    (
        "one model trains once",
        replace(DATA, refiner="shared"),
        events.SelectionDone(pairs=5, examples=0),
        [actions.PrepareTraining("actor")],
    ),
    (
        "and is the next refiner too",
        replace(TRAINING, refiner="shared", counts={T: StepCounts(done=1)}),
        events.TrainingDone("actor"),
        [actions.ShareModel(), actions.EndIteration(), actions.BeginIteration(2)],
    ),
    (
        "one model without data stays what it was, in both roles",
        replace(DATA, refiner="shared"),
        events.SelectionDone(pairs=0, examples=0),
        [actions.KeepModel("actor"), actions.ShareModel(), actions.EndIteration(), actions.BeginIteration(2)],
    ),
    (
        "pairs of judgments alone are trained on, and no rule can check them",
        replace(DATA, refiner="shared", evaluates=True),
        events.SelectionDone(pairs=5, examples=0, audits=False),
        [actions.PrepareTraining("actor")],
    ),
    (
        "compared judgments end a shard",
        replace(DATA, chain=(G, J, StepKind.COMPARISON), counts={StepKind.COMPARISON: StepCounts(done=4)}),
        events.ShardStepDone(StepKind.COMPARISON, 3),
        [actions.PrepareSelection()],
    ),
    (
        "one training waits for the other",
        replace(TRAINING, counts={T: StepCounts(in_flight=1, done=1)}),
        events.TrainingDone("actor"),
        [],
    ),
    (
        "both trained: the next iteration",
        replace(TRAINING, counts={T: StepCounts(done=2)}),
        events.TrainingDone("actor"),
        [actions.EndIteration(), actions.BeginIteration(2)],
    ),
    (
        "two that ended at once end it once",
        replace(DATA, iteration=2),
        events.TrainingDone("refiner"),
        [],
    ),
    (
        "the last iteration ends the run",
        replace(TRAINING, iteration=3, counts={T: StepCounts(done=2)}),
        events.TrainingDone("refiner"),
        [actions.EndIteration(), actions.FinishRun()],
    ),
    (
        "a measured run waits for its measurements",
        replace(TRAINING, iteration=3, counts={T: StepCounts(done=2)}, evaluates=True),
        events.TrainingDone("refiner"),
        [actions.EndIteration(), actions.PrepareEvaluation(3, "actor"), actions.PrepareEvaluation(3, "refiner")],
    ),
    (
        "the last measurement ends it",
        replace(DATA, iteration=3, status=IterationStatus.DONE, evaluates=True, evaluations=StepCounts(done=8)),
        events.EvaluationDone(),
        [actions.FinishRun()],
    ),
    (
        "so does its failure",
        replace(DATA, iteration=3, status=IterationStatus.DONE, evaluates=True, evaluations=StepCounts(done=7, dead=1)),
        events.StepDied(kind=E, part="actor", reason="why"),
        [actions.FinishRun()],
    ),
    (
        "a training that dies fails the run",
        TRAINING,
        events.StepDied(kind=T, part="actor", reason="no memory"),
        [failed(EndReason.STEP, "training actor failed for good: no memory", UNEXPECTED)],
    ),
    (
        "a selection that dies fails the run",
        DATA,
        events.StepDied(kind=S, part="", reason="why"),
        [failed(EndReason.STEP, "selection failed for good: why", UNEXPECTED)],
    ),
    (
        "an engine that stays away fails the run",
        DATA,
        events.EngineLost("refused"),
        [failed(EndReason.ENGINE, "the engine stays unavailable: refused", FailureReason.ENGINE_UNAVAILABLE)],
    ),
    (
        "a store that cannot keep results fails the run",
        DATA,
        events.StorageLost("disk full"),
        [failed(EndReason.STORAGE, "the store stays unavailable: disk full", FailureReason.STORE)],
    ),
    (
        "later steps go first",
        replace(DATA, counts={G: StepCounts(ready=9), J: StepCounts(ready=3), R: StepCounts(ready=2)}),
        events.Woken(),
        [actions.Dispatch(R, 2), actions.Dispatch(J, 3), actions.Dispatch(G, 3)],
    ),
    (
        "the window is bounded",
        replace(DATA, counts={G: StepCounts(ready=9, in_flight=2), R: StepCounts(in_flight=6)}),
        events.Woken(),
        [],
    ),
    (
        "whole-iteration steps need no room",
        replace(TRAINING, counts={T: StepCounts(ready=2), G: StepCounts(in_flight=8)}),
        events.Woken(),
        [actions.Dispatch(T, 2)],
    ),
    (
        "an ill engine gets nothing",
        replace(DATA, counts={G: StepCounts(ready=9)}, probe_limits={G: 0}),
        events.Woken(),
        [],
    ),
    (
        "then one probe",
        replace(DATA, counts={G: StepCounts(ready=9)}, probe_limits={G: 1}),
        events.Woken(),
        [actions.Dispatch(G, 1)],
    ),
    (
        "one at a time",
        replace(DATA, counts={G: StepCounts(ready=9, in_flight=1)}, probe_limits={G: 1}),
        events.Woken(),
        [],
    ),
    (
        "a cancelled run prepares what follows, and sends nothing",
        replace(DATA, cancelling=True, counts={G: StepCounts(ready=9, in_flight=1), J: StepCounts(ready=2)}),
        events.ShardStepDone(G, 2),
        [actions.PrepareShardStep(J, 2)],
    ),
    (
        "its last step in flight ends it",
        replace(DATA, cancelling=True, counts={G: StepCounts(ready=9), J: StepCounts(ready=2)}),
        events.ShardStepDone(G, 2),
        [actions.PrepareShardStep(J, 2), actions.CancelRun()],
    ),
    (
        "it waits for a training",
        replace(TRAINING, cancelling=True, counts={T: StepCounts(ready=1, in_flight=1)}),
        events.Woken(),
        [],
    ),
    (
        "it waits for a measurement, of whichever iteration",
        replace(DATA, cancelling=True, counts={G: StepCounts(ready=2)}, evaluations=StepCounts(in_flight=1)),
        events.Woken(),
        [],
    ),
    (
        "with nothing in flight it ends at once",
        replace(DATA, cancelling=True, counts={G: StepCounts(ready=9)}),
        events.Woken(),
        [actions.CancelRun()],
    ),
    (
        "cancelled too late it is finished",
        replace(TRAINING, iteration=3, cancelling=True, counts={T: StepCounts(done=2)}),
        events.TrainingDone("refiner"),
        [actions.EndIteration(), actions.FinishRun()],
    ),
    (
        "a training that dies meanwhile fails it",
        replace(TRAINING, cancelling=True),
        events.StepDied(kind=T, part="actor", reason="no memory"),
        [failed(EndReason.STEP, "training actor failed for good: no memory", UNEXPECTED)],
    ),
    (
        "a run that is not on does nothing",
        replace(DATA, running=False, counts={G: StepCounts(ready=9)}),
        events.Woken(),
        [],
    ),
]


@pytest.mark.parametrize(("state", "event", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_follows(state: RunState, event: events.Event, wanted: list[actions.Action]) -> None:
    assert next_actions(state, event) == wanted
