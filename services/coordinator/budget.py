"""How many of the ready steps a budget allows: pure arithmetic for `flow`.

A step is not sent if it is expected to exceed a cap: what is in flight and what would be sent is charged with the mean
cost of the finished steps of its kind. Before any has finished, one is sent as a probe, charged with the estimate from
the recipe: a cap is exceeded by at most what one step costs beyond its estimate. Knows no tables.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from spar.messages.base import StepKind
from spar.recipes.models import BudgetSettings
from spar.recipes.spending import BudgetLine, Spent, burn_down, usage_text

PROBES = 1
"""How many steps may be in flight of a kind whose cost is unknown."""
LEAST = Spent(calls=1, completion_tokens=1)
"""The least that a step of unknown cost is charged with."""
NO_CALLS = {StepKind.SELECTION: Spent(), StepKind.TRAINING: Spent(trainings=1)}
"""Kinds whose cost in calls and tokens is known to be none."""

Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A run's budget, what the whole run has spent, and the mean cost by kind of the steps that called a model.

    Where the iteration calls a teacher, the means are of steps that called the teacher, whose price may differ. `first`
    is the recipe's estimate for a kind's first step; zero where it calls no model.
    """

    budget: BudgetSettings
    spent: Spent
    means: Mapping[StepKind, Spent]
    first: Mapping[StepKind, Spent] = field(default_factory=dict)

    def mean(self, kind: StepKind) -> Spent | None:
        free = Spent() if self.first.get(kind) == Spent() else None
        return NO_CALLS.get(kind, self.means.get(kind, free))

    def expected(self, kind: StepKind) -> Spent:
        """The expected cost of a step: the mean so far, or the recipe's estimate, or a minimum."""
        return self.mean(kind) or self.first.get(kind, LEAST)

    def allowed(
        self, wanted: Sequence[tuple[StepKind, int]], in_flight: Callable[[StepKind], int]
    ) -> list[tuple[StepKind, int]]:
        """Of so many steps of each kind, in order, those that fit beside what is in flight."""
        committed = self.spent
        for kind in StepKind:
            committed = committed.plus(self.expected(kind), in_flight(kind))
        kept = []
        for kind, limit in wanted:
            expected = self.expected(kind)
            most = limit if self.mean(kind) is not None else min(limit, PROBES - in_flight(kind))
            fitting = self._fitting(committed, expected, most)
            if fitting > 0:
                kept.append((kind, fitting))
                committed = committed.plus(expected, fitting)
        return kept

    def reason(self, wanted: Sequence[tuple[StepKind, int]]) -> str:
        """Why nothing is sent: the caps that the next step would exceed."""
        nexts = [self.expected(kind) for kind, _ in wanted]
        full = {burn.name: burn for mean in nexts for burn in self._passed(self.spent, mean, 1)}
        return "budget: " + ", ".join(usage_text(burn) for burn in self._now() if burn.name in full)

    def _fitting(self, committed: Spent, mean: Spent, limit: int) -> int:
        """The largest number that fits; fewer always fit where more do."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            if self._passed(committed, mean, middle):
                high = middle - 1
            else:
                low = middle
        return low

    def _passed(self, committed: Spent, mean: Spent, steps: int) -> list[BudgetLine]:
        """The caps that so many more steps would exceed."""
        lines = zip(
            burn_down(self.spent, self.budget),
            burn_down(committed, self.budget),
            burn_down(committed.plus(mean, steps), self.budget),
            strict=True,
        )
        return [after for now, before, after in lines if _passes(now, before, after)]

    def _now(self) -> tuple[BudgetLine, ...]:
        return burn_down(self.spent, self.budget)


def _passes(now: BudgetLine, before: BudgetLine, after: BudgetLine) -> bool:
    """A cap to which the steps add nothing is not exceeded by them, except for time, which passes anyway."""
    if after.cap is None:
        return False
    if now.name in ("hours", "money") and now.spent >= after.cap:
        return True
    return after.spent > after.cap and after.spent > before.spent
