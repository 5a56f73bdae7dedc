"""The cells of a sweep: each strategy under each budget. A budget counts all texts drawn, including the first response.

There is no cell where a strategy cannot use more of a budget than of a smaller one. Calls no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.errors import RecipeError
from spar.inference.strategies import STRATEGIES, Strategy, TreeShape, make_strategy

BUDGETS = (1, 2, 4, 8, 16)
"""16: one response and the 15 nodes of a full breadth-first tree."""
ONLY = {"actor": 1, "greedy": 2}
"""Strategies with one budget: a response; a response and a refinement of it."""


@dataclass(frozen=True, slots=True)
class GridCell:
    """A strategy that may draw `budget` texts for a prompt: responses and refinements together."""

    name: str
    budget: int

    def strategy(self, shape: TreeShape) -> Strategy:
        """Under a budget of 1 every strategy is the actor alone: nothing is left for further draws."""
        return make_strategy("actor") if self.budget == 1 else make_strategy(self.name, self.budget - 1, shape)


def make_plan(strategies: Sequence[str], budgets: Sequence[int]) -> list[GridCell]:
    """Cells in the order of budgets, so that a larger one reuses the calls of the smaller ones. Raises RecipeError."""
    for name in strategies:
        if name not in STRATEGIES:
            raise RecipeError(f"There is no strategy {name!r}.", f"Choose some of {', '.join(STRATEGIES)}.")
    if not strategies or not budgets or min(budgets) < 1:
        raise RecipeError("A sweep needs strategies, and budgets of 1 or more.", "Try --budgets 1,2,4,8,16.")
    cells = [
        GridCell(name, budget)
        for budget in sorted(set(budgets))
        for name in dict.fromkeys(strategies)
        if name not in ONLY and budget > 1
    ]
    first = [GridCell("actor", 1)]  # the start of every curve
    return first + [GridCell("greedy", 2)] * ("greedy" in strategies) + cells
