"""Is a mean difference over seeds more than chance? Two tests of paired differences; plain arithmetic.

paired t-test   Student (Biometrika 6, 1908): takes the differences as normally distributed
sign flips      exact (R. Fisher, The Design of Experiments, 1935): takes only their signs as accidental; of n seeds
                it can never say less than 2 / 2**n
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import atan, cos, inf, pi, sin, sqrt
from statistics import fmean, stdev

from spar.errors import AccountingError

CLOSE = 1e-12  # two sums of the same numbers in another order


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The mean difference, Student's t with its two-sided p, and the two-sided p of the sign flips."""

    mean: float
    t: float
    p: float
    p_sign_flips: float
    n: int


def paired_test(differences: Sequence[float]) -> PairedTest:
    """Raises AccountingError over fewer than two differences."""
    n = len(differences)
    if n < 2:
        raise AccountingError(f"A paired test over {n} seeds.", "Run at least two seeds.")
    mean, spread = fmean(differences), stdev(differences)
    t = mean / (spread / sqrt(n)) if spread else (0.0 if mean == 0 else inf * (1 if mean > 0 else -1))
    return PairedTest(mean=mean, t=t, p=two_sided_p(t, n - 1), p_sign_flips=_sign_flips(differences), n=n)


def two_sided_p(t: float, df: int) -> float:
    """How often |T| of Student's distribution is at least |t|: finite sums (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    angle = atan(abs(t) / sqrt(df)) if t not in (inf, -inf) else pi / 2
    c, s = cos(angle), sin(angle)
    total, term = 0.0, 1.0 if df % 2 == 0 else c
    for k in range(df % 2, df - 1, 2):
        total += term
        term *= c * c * (k + 1) / (k + 2)
    inside = s * total if df % 2 == 0 else 2 / pi * (angle + s * total)
    return min(1.0, max(0.0, 1 - inside))


def _sign_flips(differences: Sequence[float]) -> float:
    observed = abs(sum(differences)) - CLOSE
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in _signs(len(differences))]
    return sum(value >= observed for value in sums) / len(sums)


def _signs(n: int) -> list[tuple[int, ...]]:
    return list(product((1, -1), repeat=n))
