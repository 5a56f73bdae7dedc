"""Rates and means of clustered items, such as the responses to one prompt, with intervals that allow for clustering.

Items of a group are correlated, so they carry less information than as many independent ones. For a rate, the sample
size is divided by the design effect (L. Kish, Survey Sampling, 1965; J. Rao and A. Scott, Biometrics 48, 1992), never
increased, and Wilson's interval is computed from it. Plain arithmetic; knows nothing of what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from spar.evaluation.statistics import Z95, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`count` of `total` items, and the share's 95% interval."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.total


def clustered_rate(groups: Sequence[Sequence[bool]]) -> Rate | None:
    """The share of True over all items; None if there are none. Empty groups are ignored."""
    tallies = [(sum(group), len(group)) for group in groups if group]
    total = sum(size for _, size in tallies)
    if total == 0:
        return None
    count = sum(hits for hits, _ in tallies)
    low, high = wilson(count / total, total / _design_effect(tallies, count / total, total))
    return Rate(count=count, total=total, low=low, high=high)


def _design_effect(tallies: Sequence[tuple[int, int]], share: float, total: int) -> float:
    """The variance of the clustered share divided by that of independent items: 1 (independent) to `total` (groups
    all alike)."""
    groups, alone = len(tallies), share * (1 - share) / total
    if groups == 1:
        return float(total)  # one group gives no estimate of the variance between groups: it counts as one item
    if alone == 0:
        return 1.0
    return min(float(total), max(1.0, _squares(tallies, share) / total**2 / alone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over clustered items and its 95% interval, with groups as the sampling units (normal approximation)."""

    value: float
    low: float
    high: float


def clustered_mean(groups: Sequence[Sequence[int]]) -> Mean | None:
    """None for fewer than two groups, which give no estimate of the variance between groups."""
    tallies = [(sum(group), len(group)) for group in groups if group]
    total = sum(size for _, size in tallies)
    if len(tallies) < 2:
        return None
    mean = sum(value for value, _ in tallies) / total
    groups_drawn = len(tallies)
    half = Z95 * sqrt(groups_drawn / (groups_drawn - 1) * _squares(tallies, mean)) / total
    return Mean(value=mean, low=mean - half, high=mean + half)


def _squares(tallies: Sequence[tuple[int, int]], mean: float) -> float:
    """The sum of squared residuals of the groups' sums, from which the variance of a ratio of two sums is estimated
    (W. Cochran, Sampling Techniques, 1977, section 6)."""
    return sum((value - mean * size) ** 2 for value, size in tallies)
