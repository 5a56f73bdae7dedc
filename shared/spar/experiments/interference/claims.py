"""What the paper says of these experiments (arXiv 2412.11605, Figure 4), each claim tested over the seeds.

A claim held if its mean difference has the right sign and Student's paired t-test gives a two-sided p below 0.05.
Knows no curves but through the results.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spar.experiments.interference.results import ExperimentResult, SeedResult
from spar.experiments.interference.statistics import PairedTest, paired_test

LEVEL = 0.05
ACCURACY, UPPER_CASE = 0, 1

Difference = Callable[[SeedResult], float]
"""Of one seed: above 0 is what the claim says."""


@dataclass(frozen=True, slots=True)
class InterferenceClaim:
    """A claim and what the seeds say. `differences` are in points of a share, one a seed."""

    said: str
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
            f"{self.said}: {self.verdict} ({100 * self.test.mean:+.1f} points over {self.test.n} seeds, "
            f"paired t-test p = {told_p(self.test.p)}, sign flips p = {told_p(self.test.p_sign_flips)})"
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
    """How far the case is beyond half of its rise, half way through the steps."""
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
    for said, difference in CLAIMS[result.task]:
        differences = tuple(difference(seed) for seed in result.seeds)
        found.append(InterferenceClaim(said, differences, paired_test(differences)))
    return found


def told_p(p: float) -> str:
    return "less than 0.0001" if p < 0.0001 else f"{p:.4f}"
