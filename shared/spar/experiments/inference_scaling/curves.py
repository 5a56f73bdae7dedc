"""Rates of good texts over the texts drawn, with intervals, and strategies compared at equal budgets.

Plain arithmetic over measurements. Prompts are the units of every bootstrap, the same ones in all cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.evaluation.resampling import bootstrap
from spar.evaluation.statistics import Difference, paired_difference
from spar.experiments.inference_scaling.grid import ONLY, GridCell
from spar.experiments.inference_scaling.sampling import Drawn
from spar.inference.strategies import STRATEGIES

SEARCHES = ("bfs", "dfs")
BASELINES = tuple(name for name in STRATEGIES if name not in SEARCHES)
"""The strategies that a tree search is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPoint:
    """A cell: the share of good texts with its interval, and the mean cost of a prompt."""

    strategy: str
    budget: int
    rate: float
    low: float
    high: float
    draws: float
    judgments: float
    votes: float
    tokens: float
    endings: Mapping[str, int]
    average: Interval | None = None
    """IFEval's mean of its four scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetComparison:
    """A search against a baseline under the same budget, in points of good texts over the same prompts.

    `search_draws` and `baseline_draws` are means: a search that ends early draws less than its budget.
    """

    search: str
    baseline: str
    budget: int
    difference: Difference
    search_draws: float
    baseline_draws: float
    average: Difference | None = None
    """In points of IFEval's mean of four, from a bootstrap over prompts."""

    @property
    def finding(self) -> str:
        """Whether the search is better at equal draws, which needs an interval without 0."""
        if self.difference.low > 0 and self.search_draws <= self.baseline_draws:
            return "better, with no more draws"
        if self.difference.low > 0:
            return "better, with more draws"
        return "worse" if self.difference.high < 0 else "not shown to differ"


def points_of(drawn: Mapping[GridCell, Sequence[Drawn]]) -> list[BudgetPoint]:
    return [_point(cell, rows) for cell, rows in drawn.items()]


def comparisons_of(drawn: Mapping[GridCell, Sequence[Drawn]]) -> list[BudgetComparison]:
    """Each search against each baseline of the same budget, or of the baseline's only one, as for the actor alone."""
    found = []
    for cell, rows in drawn.items():
        if cell.name not in SEARCHES:
            continue
        for name in BASELINES:
            other = GridCell(name, ONLY.get(name, cell.budget))
            if other in drawn:
                found.append(_compare(cell, rows, other, drawn[other]))
    return found


def _point(cell: GridCell, rows: Sequence[Drawn]) -> BudgetPoint:
    low, high = bootstrap([[row.good for row in rows]], lambda strata: _mean(strata[0]))
    endings = sorted({row.ending for row in rows})
    return BudgetPoint(
        strategy=cell.name,
        budget=cell.budget,
        rate=_mean([row.good for row in rows]),
        low=low,
        high=high,
        draws=_mean([row.draws for row in rows]),
        judgments=_mean([row.judgments for row in rows]),
        votes=_mean([row.votes for row in rows]),
        tokens=_mean([row.tokens for row in rows]),
        endings={ending: sum(row.ending == ending for row in rows) for ending in endings},
        average=_mean_with_interval(_shares(rows)),
    )


def _compare(cell: GridCell, rows: Sequence[Drawn], other: GridCell, others: Sequence[Drawn]) -> BudgetComparison:
    difference = paired_difference([row.good for row in others], [row.good for row in rows])
    mine, theirs = (_mean([row.draws for row in each]) for each in (rows, others))
    return BudgetComparison(
        search=cell.name,
        baseline=other.name,
        budget=cell.budget,
        difference=difference,
        search_draws=mine,
        baseline_draws=theirs,
        average=_average(rows, others),
    )


def _average(rows: Sequence[Drawn], others: Sequence[Drawn]) -> Difference | None:
    pairs = zip(_shares(rows), _shares(others), strict=True)
    found = _mean_with_interval([100 * (mine - theirs) for mine, theirs in pairs])
    return None if found is None else Difference(estimate=found.value, low=found.low, high=found.high)


def _shares(rows: Sequence[Drawn]) -> list[float]:
    return [row.share for row in rows if row.share is not None]


def _mean_with_interval(values: Sequence[float]) -> Interval | None:
    if not values:
        return None
    low, high = bootstrap([values], lambda strata: _mean(strata[0]))
    return Interval(value=_mean(values), low=low, high=high)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
