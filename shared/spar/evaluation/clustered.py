"""Rates and means whose items come in groups, such as the responses of one prompt, with intervals that know it.

Items of a group resemble each other, so they tell less than as many apart. For a rate the sample is taken as small as
the design effect says (L. Kish, Survey Sampling, 1965; J. Rao and A. Scott, Biometrics 48, 1992), never larger than it
is, and Wilson's interval is drawn around it. Plain arithmetic; knows nothing of what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from spar.evaluation.statistics import Z95, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`count` of `total` items, and the 95% interval of the share."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.total


def clustered_rate(groups: Sequence[Sequence[bool]]) -> Rate | None:
    """The share of True over all items; None over nothing. Empty groups count for nothing."""
    tallies = [(sum(group), len(group)) for group in groups if group]
    total = sum(size for _, size in tallies)
    if total == 0:
        return None
    count = sum(hits for hits, _ in tallies)
    low, high = wilson(count / total, total / _design_effect(tallies, count / total, total))
    return Rate(count=count, total=total, low=low, high=high)


def _design_effect(tallies: Sequence[tuple[int, int]], share: float, total: int) -> float:
    """The variance of the grouped share over that of as many items apart: 1 (apart) to `total` (all alike)."""
    groups, alone = len(tallies), share * (1 - share) / total
    if groups == 1:
        return float(total)  # nothing says how much its items differ: it tells as much as one
    if alone == 0:
        return 1.0
    return min(float(total), max(1.0, _squares(tallies, share) / total**2 / alone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over items in groups and its 95% interval, which takes the groups as drawn (the usual normal one)."""

    value: float
    low: float
    high: float


def clustered_mean(groups: Sequence[Sequence[int]]) -> Mean | None:
    """None over fewer than two groups: nothing says how much they differ."""
    tallies = [(sum(group), len(group)) for group in groups if group]
    total = sum(size for _, size in tallies)
    if len(tallies) < 2:
        return None
    mean = sum(value for value, _ in tallies) / total
    groups_drawn = len(tallies)
    half = Z95 * sqrt(groups_drawn / (groups_drawn - 1) * _squares(tallies, mean)) / total
    return Mean(value=mean, low=mean - half, high=mean + half)


def _squares(tallies: Sequence[tuple[int, int]], mean: float) -> float:
    """Of what each group has more than the mean: the variance of a ratio of two sums rests on it (W. Cochran, Sampling
    Techniques, 1977, section 6)."""
    return sum((value - mean * size) ** 2 for value, size in tallies)
