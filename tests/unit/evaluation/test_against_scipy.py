"""Our own statistics held against SciPy's on seeded inputs, and the inputs on which SciPy gives no number."""

import random
from collections.abc import Sequence
from math import inf, isnan

import numpy as np
import pytest
from scipy import stats

from spar.evaluation.resampling import bootstrap, quantile
from spar.evaluation.statistics import Proportion
from spar.experiments.interference.claims import paired_test, two_sided_p


def samples(seed: int, n: int) -> list[float]:
    draw = random.Random(seed)
    return [draw.gauss(draw.choice((0.0, 0.5, 3.0)), 1.0) for _ in range(n)]


def test_the_paired_t_test() -> None:
    for seed in range(300):
        differences = samples(seed, 2 + seed % 9)
        ours, theirs = paired_test(differences), stats.ttest_1samp(differences, 0.0)
        assert ours.t == pytest.approx(theirs.statistic, rel=1e-12), seed
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-14), seed


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 10, 99, 1000])
@pytest.mark.parametrize("t", [0.0, 1e-9, 0.3, 1.0, 2.5, 12.0, -12.0, 1e6, inf])
def test_p_of_students_distribution(t: float, df: int) -> None:
    assert two_sided_p(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("seed", range(40))
def test_the_exact_sign_flips(seed: int) -> None:
    differences = samples(seed, 2 + seed % 8)
    theirs = stats.permutation_test(
        (differences,), _total, permutation_type="samples", n_resamples=inf, alternative="two-sided"
    )
    assert paired_test(differences).p_sign_flips == pytest.approx(theirs.pvalue, rel=1e-12)


@pytest.mark.parametrize(("successes", "total"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 13), (500, 541), (3, 100_000)])
def test_wilsons_interval(successes: int, total: int) -> None:
    theirs = stats.binomtest(successes, total).proportion_ci(0.95, method="wilson")
    assert Proportion(successes=successes, total=total).interval == pytest.approx((theirs.low, theirs.high), abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_quantiles_are_the_linear_ones(seed: int) -> None:
    values = sorted(samples(seed, 1 + 7 * seed))
    for share in (0.0, 0.025, 0.5, 0.975, 1.0):
        assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("seed", range(8))
def test_the_percentile_bootstrap(seed: int) -> None:
    """Two generators draw different resamples: the ends may differ by what chance moves them."""
    values = samples(seed, 60)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(seed)
    ).confidence_interval
    low, high = bootstrap([values], _mean, seed=seed, resamples=4000)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.07 * (theirs.high - theirs.low))


def test_differences_that_are_all_zero() -> None:
    """Seeds that end alike: no evidence, p is 1. SciPy divides nothing by nothing."""
    assert (paired_test([0.0] * 5).t, paired_test([0.0] * 5).p) == (0.0, 1.0)
    with np.errstate(invalid="ignore"):
        assert isnan(stats.ttest_rel([0.5] * 5, [0.5] * 5).pvalue)


def _total(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.sum(values, axis=axis)


def _mean(strata: Sequence[Sequence[float]]) -> float:
    return sum(strata[0]) / len(strata[0])
