"""Percentile bootstrap intervals for scores that are not a single proportion (B. Efron, Annals of Statistics 7, 1979).

Seeded, so a report is the same whenever it is built. Plain arithmetic; knows nothing of what was measured.
"""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from spar.errors import AccountingError

RESAMPLES = 1000
"""Enough for two stable digits of a 95% interval."""

Unit = TypeVar("Unit")


def bootstrap(
    strata: Sequence[Sequence[Unit]],
    statistic: Callable[[Sequence[Sequence[Unit]]], float],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """The 95% percentile interval of `statistic`. Units are drawn with replacement within their stratum."""
    if not strata or any(len(stratum) == 0 for stratum in strata):
        raise AccountingError("A bootstrap over nothing.")
    draw = random.Random(seed)
    values = sorted(statistic([draw.choices(stratum, k=len(stratum)) for stratum in strata]) for _ in range(resamples))
    return quantile(values, 0.025), quantile(values, 0.975)


def quantile(values: Sequence[float], share: float) -> float:
    """A quantile of sorted values, by linear interpolation."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)
