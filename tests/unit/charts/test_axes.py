"""Axes stand in whole steps around what they show, from end to end of their plot."""

import pytest

from spar.charts.axes import Axis, axis_around, percent_label, rate_axis


def labels(axis: Axis) -> list[str]:
    return [tick.label for tick in axis.ticks(percent_label)]


@pytest.mark.parametrize(
    ("low", "high", "fewest", "shown"),
    [
        (0.41, 0.47, 1, ["40%", "42%", "44%", "46%", "48%"]),
        (0.3, 0.55, 1, ["30%", "35%", "40%", "45%", "50%", "55%"]),
        (0.0, 1.0, 1, ["0%", "20%", "40%", "60%", "80%", "100%"]),
        (0.0, 0.0, 1, ["0%", "2%"]),
        (1.0, 1.0, 1, ["98%", "100%"]),  # nothing is above 100%
        (1.0, 1.0, 2, ["96%", "98%", "100%"]),
        (-0.01, 0.01, 2, ["0%", "2%", "4%"]),  # an interval may reach below 0, the axis does not
    ],
)
def test_an_axis_of_rates(low: float, high: float, fewest: int, shown: list[str]) -> None:
    assert labels(rate_axis(low, high, 200, 0, fewest)) == shown


def test_ticks_go_from_one_end_to_the_other() -> None:
    axis = axis_around(-3.2, 4.9, (1.0, 2.0, 5.0), 200, 20)
    assert [(tick.at, tick.label) for tick in axis.ticks(str)] == [
        (200.0, "-4.0"),
        (164.0, "-2.0"),
        (128.0, "0.0"),
        (92.0, "2.0"),
        (56.0, "4.0"),
        (20.0, "6.0"),
    ]
    assert axis.at(1.0) == 110.0


def test_the_largest_step_takes_what_no_other_can() -> None:
    assert axis_around(0, 400, (1.0, 50.0), 0, 1).step == 50
    assert axis_around(0, 0, (1.0, 50.0), 0, 1).last == 1
