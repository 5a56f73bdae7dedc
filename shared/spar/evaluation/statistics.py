"""Rates and differences of rates, each with its 95% interval. Plain arithmetic; knows nothing of what was
measured.

Sources: E. B. Wilson, JASA 22 (1927) for one rate; R. G. Newcombe, Statistics in Medicine 17 (1998)
2635-2650, method 10, for the difference of two rates over the same items. Near 0 and 1 both stay within the possible
range, where the normal interval does not, and they need no resampling, so a report is the same whenever it is built.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from spar.errors import AccountingError

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95% interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """`successes` of `total`; a rate of nothing is an AccountingError, not a number."""

    successes: int
    total: int

    def __post_init__(self) -> None:
        if self.total < 1 or not 0 <= self.successes <= self.total:
            raise AccountingError(f"{self.successes} of {self.total} is not a proportion.")

    @classmethod
    def of(cls, values: Sequence[bool]) -> "Proportion":
        return cls(successes=sum(values), total=len(values))

    @property
    def rate(self) -> float:
        return self.successes / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval; it always contains the rate."""
        return wilson(self.rate, self.total)


def wilson(rate: float, n: float) -> tuple[float, float]:
    """Wilson's 95% interval of a rate over n items; n may be fractional, as an effective sample size is."""
    z2 = Z95 * Z95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """After minus before, in percentage points, with its 95% interval."""

    estimate: float
    low: float
    high: float


def paired_difference(before: Sequence[bool], after: Sequence[bool]) -> Difference:
    """How much the rate rose over the same items, in points. Item i of both sequences is the same item."""
    if len(before) != len(after):
        raise AccountingError(f"A paired difference over {len(before)} and {len(after)} items.")
    first, second = Proportion.of(after), Proportion.of(before)
    estimate = first.rate - second.rate
    low_1, high_1 = first.interval
    low_2, high_2 = second.interval
    phi = _correlation(before, after)
    down = _combine(first.rate - low_1, high_2 - second.rate, phi)
    up = _combine(high_1 - first.rate, second.rate - low_2, phi)
    return Difference(estimate=100 * estimate, low=100 * max(-1.0, estimate - down), high=100 * min(1.0, estimate + up))


def _combine(mine: float, theirs: float, phi: float) -> float:
    """Square-and-add of two one-sided half widths whose rates correlate by phi."""
    return sqrt(max(0.0, mine * mine - 2 * phi * mine * theirs + theirs * theirs))


def _correlation(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Phi of the 2 x 2 table with Newcombe's continuity correction, which lowers a positive phi."""
    n = len(before)
    both = sum(x and y for x, y in zip(before, after, strict=True))
    only_after = sum(after) - both
    only_before = sum(before) - both
    neither = n - both - only_after - only_before
    margins = sum(after) * (n - sum(after)) * sum(before) * (n - sum(before))
    if margins == 0:
        return 0.0
    covariance = both * neither - only_after * only_before
    corrected = max(covariance - n / 2, 0.0) if covariance > 0 else float(covariance)
    return corrected / sqrt(margins)
