"""What a recipe's iterations ask for, each beside the first, which is the one that a pilot runs: as the plan counts it.

A proportion of bounds, for want of a better one. Without stages every iteration weighs as much as the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.planning.asked import NOTHING, CallEstimate, added
from spar.planning.work import stage_works
from spar.recipes.init import FIRST
from spar.recipes.models import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How many times as much as something else."""

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
    """Of each iteration in order; a kind of step that the first has none of is not among them."""
    steps = _steps(recipe)
    first = {kind: asked for kind, asked in steps[0].items() if asked.most}
    return [{kind: _against(each.get(kind, NOTHING), asked) for kind, asked in first.items()} for each in steps]


def together(weights: Sequence[Weights], kind: str) -> Weight:
    """Of all iterations; what the plan knows nothing of is alike in all."""
    whole = NONE
    for each in weights:
        whole = whole.plus(each.get(kind, ALIKE))
    return whole


def begun_later(recipe: Recipe) -> Mapping[str, CallEstimate]:
    """The kinds of steps that only later iterations have, and what all of these ask for: a pilot saw none of it."""
    first, *later = _steps(recipe)
    kinds = dict.fromkeys(kind for each in later for kind, asked in each.items() if asked.most)
    unseen = [kind for kind in kinds if not first.get(kind, NOTHING).most]
    return {kind: added(each.get(kind, NOTHING) for each in later) for kind in unseen}


def _steps(recipe: Recipe) -> list[Mapping[str, CallEstimate]]:
    by_iteration = {i: stage.work.steps for stage in stage_works(recipe) for i in stage.iterations}
    return [by_iteration[iteration] for iteration in range(FIRST, FIRST + recipe.iterations)]


def _against(asked: CallEstimate, first: CallEstimate) -> Weight:
    return Weight(calls=asked.most / first.most, read=asked.read / first.read, written=asked.written / first.written)
