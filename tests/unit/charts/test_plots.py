"""Curves in a frame: positions of marks, what a line and a band are made of, labels that don't cover each other."""

from spar.charts.axes import Axis
from spar.charts.plots import PlotFrame, PlotPoint, curve, spread

FRAME = PlotFrame(left=40, right=160, top=10, bottom=110, inset=10)
SHARES = Axis(step=0.5, first=0, last=2, start=FRAME.bottom, end=FRAME.top)


def point(x: float, value: float) -> PlotPoint:
    return PlotPoint(x=x, value=value, low=value - 0.1, high=value + 0.1, label=f"at {x}")


def test_marks_keep_the_inset_and_carry_their_interval() -> None:
    drawn = curve("greedy", [point(0, 0.5), point(2, 0.9)], FRAME.across(0, 2), SHARES)
    assert [(mark.x, mark.y, mark.y_low, mark.y_high, mark.label) for mark in drawn.marks] == [
        (50, 60, 70, 50, "at 0"),
        (150, 20, 30, 10, "at 2"),
    ]


def test_a_band_goes_along_the_upper_ends_and_back_along_the_lower_ones() -> None:
    drawn = curve("greedy", [point(0, 0.5), point(2, 0.9)], FRAME.across(0, 2), SHARES)
    assert drawn.line == "50.0,60.0 150.0,20.0"
    assert drawn.band == "50.0,50.0 150.0,10.0 150.0,30.0 50.0,70.0"


def test_a_single_step_is_drawn_in_the_middle() -> None:
    assert FRAME.across(3, 3).at(3) == 100


def test_labels_keep_their_order_and_a_gap() -> None:
    assert spread([50, 51, 90], 10) == [50, 60, 90]
    assert spread([51, 50], 10) == [55.5, 45.5]
