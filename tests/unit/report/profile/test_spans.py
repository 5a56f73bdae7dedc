import pytest

from spar.report.profile.spans import Span, at_least, between, capacity, length, merged, within


def test_overlaps_count_once() -> None:
    assert merged([(4, 6), (0, 2), (1, 3), (3, 3.5), (5, 5)]) == [(0, 3.5), (4, 6)]
    assert length([(0, 2), (1, 3), (9, 10)]) == 4


def test_what_lies_within_bounds_and_what_they_leave() -> None:
    assert within([(0, 5), (6, 9)], [(1, 2), (4, 7)]) == [(1, 2), (4, 5), (6, 7)]
    assert between((0, 10), [(-1, 1), (3, 4), (9, 12)]) == [(1, 3), (4, 9)]
    assert between((0, 10), []) == [(0, 10)]
    assert between((0, 10), [(0, 10)]) == []


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([(0.0, 60.0), (60.0, 120.0)], 1),
        ([(0.0, 60.2), (60.0, 120.0)], 1),  # booked a little late
        ([(0.0, 60.0), (50.0, 120.0)], 2),
        ([(0.0, 10.0), (0.0, 10.0), (10.0, 20.0)], 2),
    ],
)
def test_capacity_is_what_lasts_at_once_for_more_than_a_moment(spans: list[Span], most: int) -> None:
    assert capacity(spans) == most


def test_when_so_many_lasted_at_once() -> None:
    late = [(0.0, 60.2), (60.0, 120.0), (130.0, 140.0)]
    assert at_least(late, 1) == [(0, 120), (130, 140)]
    assert at_least(late, 2) == [(60, 60.2)]
    assert at_least([], 0) == []
