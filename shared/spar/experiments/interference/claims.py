"""The paper's claims about these experiments (arXiv 2412.11605, Figure 4), each tested over the seeds.

A claim held if its mean difference has the right sign and Student's paired t-test gives a two-sided p below 0.05.

paired t-test   Student (Biometrika 6, 1908): assumes normally distributed differences
sign flips      exact (R. Fisher, The Design of Experiments, 1935): assumes only that signs are random; over n seeds its
                p is at least 2 / 2**n

Knows no curves, only results.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import atan, cos, inf, pi, sin, sqrt
from statistics import fmean, stdev

from spar.errors import AccountingError
from spar.experiments.interference.results import ExperimentResult, SeedResult

CLOSE = 1e-12  # tolerance for sums of the same numbers in another order


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The mean difference, Student's t with its two-sided p, and the two-sided p of the sign flips."""

    mean: float
    t: float
    p: float
    p_sign_flips: float
    n: int


def paired_test(differences: Sequence[float]) -> PairedTest:
    """Test the mean against 0. Raises AccountingError for fewer than two differences."""
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


LEVEL = 0.05
ACCURACY, UPPER_CASE = 0, 1
Difference = Callable[[SeedResult], float]
"""The difference of one seed: above 0 if it supports the claim."""


@dataclass(frozen=True, slots=True)
class InterferenceClaim:
    """A claim and its test. `differences` are shares of 1, one a seed."""

    statement: str
    differences: tuple[float, ...]
    test: PairedTest

    @property
    def held(self) -> bool:
        return self.test.mean > 0 and self.test.p < LEVEL

    @property
    def verdict(self) -> str:
        if self.held:
            return "held"
        return "did not hold: the opposite did" if self.test.mean < 0 and self.test.p < LEVEL else "did not hold"

    def __str__(self) -> str:
        return (
            f"{self.statement}: {self.verdict} ({100 * self.test.mean:+.1f} points over {self.test.n} seeds, "
            f"paired t-test p = {p_text(self.test.p)}, sign flips p = {p_text(self.test.p_sign_flips)})"
        )


def _refined_ends_higher(seed: SeedResult) -> float:
    return seed.last("refined", ACCURACY) - seed.last("interfering", ACCURACY)


def _refined_rises(seed: SeedResult) -> float:
    return seed.last("refined", ACCURACY) - seed.first(ACCURACY)


def _interfering_falls(seed: SeedResult) -> float:
    return seed.first(ACCURACY) - seed.last("interfering", ACCURACY)


def _learns_the_case(seed: SeedResult) -> float:
    return seed.last("interfering", UPPER_CASE) - seed.last("refined", UPPER_CASE)


def _learns_it_early(seed: SeedResult) -> float:
    """By how much the case exceeds half of its rise, half-way through the steps."""
    curve = seed.curves["interfering"]
    middle = min(curve, key=lambda point: abs(point.step - curve[-1].step / 2))
    start, end = curve[0].values[UPPER_CASE], curve[-1].values[UPPER_CASE]
    return middle.values[UPPER_CASE] - (start + end) / 2


BOTH: tuple[tuple[str, Difference], ...] = (
    ("Refined pairs end with a higher accuracy than interfering ones", _refined_ends_higher),
    ("Refined pairs raise the accuracy", _refined_rises),
)
CLAIMS: Mapping[str, Sequence[tuple[str, Difference]]] = {
    "characters": (
        *BOTH,
        ("Interfering pairs teach upper case, more than refined ones do", _learns_the_case),
        ("More than half of that is learned in the first half of the steps", _learns_it_early),
    ),
    "stories": (*BOTH, ("Interfering pairs end below the start", _interfering_falls)),
}
"""By task, the main one first."""


def claims_of(result: ExperimentResult) -> list[InterferenceClaim]:
    found = []
    for statement, difference in CLAIMS[result.task]:
        differences = tuple(difference(seed) for seed in result.seeds)
        found.append(InterferenceClaim(statement, differences, paired_test(differences)))
    return found


def p_text(p: float) -> str:
    return "less than 0.0001" if p < 0.0001 else f"{p:.4f}"
