"""What steps took: by the clock where they ran side by side, summed where it can be summed."""

from datetime import UTC, datetime, timedelta

from spar.db.tables import Step
from spar.messages.base import StepKind
from spar.messages.states import StepState
from spar.recipes.spending import Spent
from spar.report.steps import covered_seconds, effort_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def step(ended: float, seconds: float, reused: bool = False) -> Step:
    return Step(
        run_id="r",
        iteration=1,
        kind=StepKind.JUDGMENT,
        part="0",
        state=StepState.DONE,
        fingerprint="f",
        message={},
        reused=reused,
        finished_at=at(ended),
        facts={"seconds": seconds, "usage": {"calls": 2, "prompt_tokens": 3, "completion_tokens": 4}},
    )


def test_shards_that_ran_side_by_side_count_once() -> None:
    spent = {StepKind.JUDGMENT: Spent(calls=8, prompt_tokens=12, completion_tokens=16), StepKind.SELECTION: Spent()}
    effort = effort_of([step(10, 10), step(12, 10), step(30, 5), step(31, 0, reused=True)], spent)
    assert effort.seconds == {"judgment": 17.0}
    # As booked, also of an attempt whose result nobody wanted any more: not summed over the steps.
    assert effort.calls == {"judgment": 8}
    assert effort.tokens == {"judgment": 28}
    assert effort.reused == {"judgment": 1}


def test_spans_are_covered_once() -> None:
    assert covered_seconds([]) == 0
    assert covered_seconds([(at(0), at(4)), (at(1), at(2)), (at(3), at(6)), (at(8), at(9))]) == 7
