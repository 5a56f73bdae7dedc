"""Bootstrap intervals: the same every time, around the estimate, wider with less, and within their strata."""

import pytest

from spar.errors import AccountingError
from spar.evaluation.resampling import bootstrap
from spar.evaluation.statistics import Proportion


def mean(strata: object) -> float:
    units = [unit for stratum in strata for unit in stratum]  # type: ignore[attr-defined]
    return float(sum(units) / len(units))


def test_it_is_the_same_every_time_and_near_wilsons_for_a_rate() -> None:
    units = [1] * 30 + [0] * 70
    low, high = bootstrap([units], mean)
    assert (low, high) == bootstrap([units], mean)
    assert (low, high) != bootstrap([units], mean, seed=1, resamples=50)
    assert (low, high) == pytest.approx(Proportion(successes=30, total=100).interval, abs=0.02)


def test_fewer_units_give_a_wider_interval() -> None:
    few, many = bootstrap([[0, 1] * 5], mean), bootstrap([[0, 1] * 500], mean)
    assert few[0] < many[0] < 0.5 < many[1] < few[1]


def test_units_are_drawn_within_their_stratum() -> None:
    """All ones beside all zeros: nothing varies."""
    assert bootstrap([[1] * 10, [0] * 10], mean, resamples=20) == (0.5, 0.5)


@pytest.mark.parametrize("strata", [[], [[]], [[1], []]])
def test_nothing_has_no_interval(strata: list[list[int]]) -> None:
    with pytest.raises(AccountingError):
        bootstrap(strata, mean)
