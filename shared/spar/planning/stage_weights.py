"""The calls of each iteration relative to the first, which is the one that a pilot runs, from the plan's estimates.

A ratio of bounds, since nothing better is known. Without stages every iteration has the weight of the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.planning.call_estimates import NOTHING, CallEstimate, added
from spar.planning.work import stage_works
from spar.recipes.init import FIRST
from spar.recipes.models import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A ratio of calls and tokens."""

    calls: float = 1.0
    read: float = 1.0
    written: float = 1.0

    def plus(self, other: "Weight") -> "Weight":
        return Weight(calls=self.calls + other.calls, read=self.read + other.read, written=self.written + other.written)

    def times(self, factor: float) -> "Weight":
        return Weight(calls=factor * self.calls, read=factor * self.read, written=factor * self.written)


ALIKE = Weight()
NONE = Weight(calls=0.0, read=0.0, written=0.0)

Weights = Mapping[str, Weight]
"""By kind of step."""


def weights_of(recipe: Recipe) -> list[Weights]:
    """The weights of each iteration in order; without the kinds of steps that the first does not have."""
    steps = _steps(recipe)
    first = {kind: calls for kind, calls in steps[0].items() if calls.most}
    return [{kind: _ratio(each.get(kind, NOTHING), calls) for kind, calls in first.items()} for each in steps]


def together(weights: Sequence[Weights], kind: str) -> Weight:
    """The weight of all iterations; a kind of step that the plan does not estimate weighs the same in all."""
    whole = NONE
    for each in weights:
        whole = whole.plus(each.get(kind, ALIKE))
    return whole


def begun_later(recipe: Recipe) -> Mapping[str, CallEstimate]:
    """The kinds of steps that only later iterations have, with their calls: a pilot observes none of them."""
    first, *later = _steps(recipe)
    kinds = dict.fromkeys(kind for each in later for kind, calls in each.items() if calls.most)
    unseen = [kind for kind in kinds if not first.get(kind, NOTHING).most]
    return {kind: added(each.get(kind, NOTHING) for each in later) for kind in unseen}


def _steps(recipe: Recipe) -> list[Mapping[str, CallEstimate]]:
    by_iteration = {i: stage.work.steps for stage in stage_works(recipe) for i in stage.iterations}
    return [by_iteration[iteration] for iteration in range(FIRST, FIRST + recipe.iterations)]


def _ratio(calls: CallEstimate, first: CallEstimate) -> Weight:
    return Weight(calls=calls.most / first.most, read=calls.read / first.read, written=calls.written / first.written)
