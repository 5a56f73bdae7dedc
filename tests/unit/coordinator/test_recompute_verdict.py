"""Lost results as a table: what a read that failed means, and what is sent while results are recomputed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.coordinator import actions, events
from services.coordinator.flow import next_actions
from services.coordinator.recompute.verdict import (
    MOST_RECOMPUTES,
    LossVerdict,
    Producer,
    Recomputing,
    Source,
    decide,
    different_model,
    fingerprint_in,
    no_source,
    readers_of,
    recompute_failed,
    source_of,
    too_often,
)
from services.coordinator.state import RunState, StepCounts
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.states import StepState
from tests.unit.coordinator.states import IN_ITS_FIRST_SHARDS

G, J, R = StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT
S, T, E = StepKind.SELECTION, StepKind.TRAINING, StepKind.EVALUATION
SENT = datetime(2026, 1, 1, 12)
DONE = Producer(state=StepState.DONE, recomputes=0, finished_at=SENT - timedelta(minutes=1))
DATA = IN_ITS_FIRST_SHARDS
LATER = SENT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("producer", "wanted"),
    [
        (None, LossVerdict.NO_SOURCE),
        (DONE, LossVerdict.RECOMPUTE),
        (replace(DONE, recomputes=MOST_RECOMPUTES - 1), LossVerdict.RECOMPUTE),
        (replace(DONE, recomputes=MOST_RECOMPUTES), LossVerdict.TOO_OFTEN),
        (replace(DONE, finished_at=LATER), LossVerdict.REREAD),
        (replace(DONE, finished_at=LATER, recomputes=MOST_RECOMPUTES), LossVerdict.REREAD),
        (replace(DONE, state=StepState.READY), LossVerdict.WAIT),
        (replace(DONE, state=StepState.DISPATCHED), LossVerdict.WAIT),
        (replace(DONE, state=StepState.RUNNING), LossVerdict.WAIT),
        (replace(DONE, state=StepState.DEAD), LossVerdict.NO_SOURCE),
        (replace(DONE, state=StepState.DEAD, recomputes=1), LossVerdict.RECOMPUTE),
    ],
)
def test_what_a_missing_object_means(producer: Producer | None, wanted: LossVerdict) -> None:
    assert decide(producer, SENT) is wanted


def test_a_producer_without_a_time_is_no_later_than_the_attempt() -> None:
    assert decide(replace(DONE, finished_at=None), SENT) is LossVerdict.RECOMPUTE
    assert decide(replace(DONE, finished_at=LATER), None) is LossVerdict.RECOMPUTE


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("inputs/aa", Source.COORDINATOR),
        ("prompts/aa", Source.COORDINATOR),
        ("results/f00/aa", Source.RESULT),
        ("models/f00/manifest.json", Source.MODEL),
        ("pairs/aa", Source.SELECTION),
        ("examples/aa", Source.SELECTION),
        ("outcomes/aa", Source.SELECTION),
        ("templates/aa", Source.USER),
        ("results", Source.RESULT),
    ],
)
def test_what_can_write_an_object_again(key: str, source: Source) -> None:
    assert source_of(key) is source
    assert fingerprint_in(key) == ("f00" if "f00" in key else key.partition("/")[2])


def test_which_steps_read_a_result() -> None:
    assert (J, "3") in readers_of(G, "3")
    assert (G, "3") not in readers_of(G, "3")
    assert {(S, ""), (E, JUDGE_AUDIT)} <= set(readers_of(R, "3"))
    assert readers_of(S, "") == ((T, "actor"), (T, "refiner"), (E, "pairs"))
    assert readers_of(T, "actor") == ()


def test_each_failure_says_what_happened_and_what_to_do() -> None:
    ends = [
        no_source("templates/abc"),
        too_often("generation 2 of iteration 1"),
        recompute_failed("training actor of iteration 1", "no memory", FailureReason.UNEXPECTED),
        different_model("training actor of iteration 1"),
    ]
    assert {end.reason for end in ends} == {EndReason.LOST_RESULT}
    assert all(end.fix for end in ends)
    assert "templates/abc" in ends[0].what
    assert "generation 2 of iteration 1 was lost again after 2 recomputes" in ends[1].what
    assert ends[2].what == "training actor of iteration 1 was lost and could not be recomputed: no memory"
    assert ends[2].failure is FailureReason.UNEXPECTED


def lost(kind: StepKind, ready: int, in_flight: int, others_in_flight: int = 0) -> Recomputing:
    return Recomputing(iteration=1, kind=kind, ready=ready, in_flight=in_flight, others_in_flight=others_in_flight)


def sent(kind: StepKind, limit: int) -> actions.Action:
    return actions.DispatchRecomputes(iteration=1, kind=kind, limit=limit)


CASES: list[tuple[str, RunState, events.Event, list[actions.Action]]] = [
    (
        "nothing else is sent while a result is recomputed",
        replace(DATA, counts={G: StepCounts(ready=9), R: StepCounts(ready=2)}, recomputing=lost(G, 1, 0)),
        events.Woken(),
        [sent(G, 1)],
    ),
    (
        "nor is what is in flight",
        replace(DATA, counts={G: StepCounts(ready=9)}, recomputing=lost(G, 0, 1)),
        events.Woken(),
        [],
    ),
    ("nor more of it than the window", replace(DATA, recomputing=lost(G, 9, 2)), events.Woken(), [sent(G, 6)]),
    (
        "an open circuit breaker lets one of them through as a probe",
        replace(DATA, probe_limits={G: 1}, recomputing=lost(G, 9, 0)),
        events.Woken(),
        [sent(G, 1)],
    ),
    (
        "a training is recomputed whatever is in flight",
        replace(DATA, window=1, counts={G: StepCounts(in_flight=4)}, recomputing=lost(T, 2, 0)),
        events.Woken(),
        [sent(T, 2)],
    ),
    (
        "a cancelled run waits for what is being recomputed, too",
        replace(DATA, cancelling=True, recomputing=lost(T, 0, 0, others_in_flight=1)),
        events.Woken(),
        [],
    ),
    (
        "a cancelled run ends once nothing is in flight",
        replace(DATA, cancelling=True, recomputing=lost(T, 1, 0)),
        events.Woken(),
        [actions.CancelRun()],
    ),
    (
        "a recomputed result is followed by what waited for it",
        replace(DATA, counts={J: StepCounts(ready=1)}),
        events.ResultRecomputed(),
        [actions.Dispatch(J, 1)],
    ),
    (
        "a selection that was taken back is due again",
        replace(DATA, counts={R: StepCounts(done=4)}),
        events.ResultRecomputed(),
        [actions.PrepareSelection()],
    ),
    (
        "what cannot be recomputed fails the run",
        DATA,
        events.RecomputeFailed(no_source("templates/abc")),
        [actions.FailRun(no_source("templates/abc"))],
    ),
]


@pytest.mark.parametrize(("state", "event", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_follows(state: RunState, event: events.Event, wanted: list[actions.Action]) -> None:
    assert next_actions(state, event) == wanted
