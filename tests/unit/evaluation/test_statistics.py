"""Intervals against published values, and against what they promise: 95% of them contain the truth."""

import random

import pytest

from spar.errors import AccountingError
from spar.evaluation.statistics import Proportion, paired_difference


def table(both: int, only_after: int, only_before: int, neither: int) -> tuple[list[bool], list[bool]]:
    before = [True] * both + [False] * only_after + [True] * only_before + [False] * neither
    after = [True] * both + [True] * only_after + [False] * only_before + [False] * neither
    return before, after


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published_by_newcombe(successes: int, total: int, low: float, high: float) -> None:
    assert Proportion(successes=successes, total=total).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("total", [1, 7, 2000])
def test_interval_contains_the_rate_and_stays_a_share(total: int) -> None:
    for successes in {0, 1, total // 2, total}:
        proportion = Proportion(successes=successes, total=total)
        low, high = proportion.interval
        assert 0 <= low <= proportion.rate <= high <= 1


@pytest.mark.parametrize(("successes", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_no_proportion_of_nothing(successes: int, total: int) -> None:
    with pytest.raises(AccountingError):
        Proportion(successes=successes, total=total)


def test_paired_difference_as_published_by_newcombe() -> None:
    before, after = table(36, 12, 2, 0)
    difference = paired_difference(before, after)
    assert difference.estimate == pytest.approx(20.0)
    assert (difference.low, difference.high) == pytest.approx((5.69, 34.04), abs=0.01)


def test_paired_difference_turns_with_its_direction() -> None:
    before, after = table(30, 14, 5, 51)
    up, down = paired_difference(before, after), paired_difference(after, before)
    assert (down.estimate, down.low, down.high) == pytest.approx((-up.estimate, -up.high, -up.low))


def test_nothing_changed_is_zero_with_room_on_both_sides() -> None:
    values = [index % 3 > 0 for index in range(300)]
    difference = paired_difference(values, values)
    assert difference.estimate == 0
    assert difference.low < 0 < difference.high


def test_unequal_items_are_refused() -> None:
    with pytest.raises(AccountingError):
        paired_difference([True], [True, False])


def test_intervals_cover_the_truth_nineteen_times_in_twenty() -> None:
    draw = random.Random(5)
    covered = 0
    for _ in range(600):
        before = [draw.random() < 0.55 for _ in range(150)]
        after = [(draw.random() < 0.97) if right else (draw.random() < 0.6) for right in before]
        truth = 100 * (0.55 * 0.97 + 0.45 * 0.6 - 0.55)
        difference = paired_difference(before, after)
        covered += difference.low <= truth <= difference.high
    assert 0.93 <= covered / 600 <= 0.99
