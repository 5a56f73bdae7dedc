"""Curves in a frame: the marks, lines and bands of every plot over steps, costs or iterations. Templates draw them.

Knows nothing of what is measured. Positions are in the units of a plot's viewBox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from spar.charts.axes import Axis, Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotFrame:
    """Where the axes stand; marks keep `inset` from its sides. `top` is above `bottom`, so it is the smaller."""

    left: float
    right: float
    top: float
    bottom: float
    inset: float

    def across(self, first: int, last: int) -> Axis:
        """The x axis, in whole steps."""
        return Axis(step=1, first=first, last=last, start=self.left + self.inset, end=self.right - self.inset)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotPoint:
    """A value with its interval, and what to say of it."""

    x: float
    value: float
    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotMark:
    """A drawn point: its position, its interval's ends, and what to say of it."""

    x: float
    y: float
    y_low: float
    y_high: float
    label: str


@dataclass(frozen=True, slots=True)
class PlotCurve:
    """`line` and `band` are points as of an SVG polyline and polygon; `name` is also what its style is named after."""

    name: str
    marks: Sequence[PlotMark]

    @property
    def line(self) -> str:
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks)

    @property
    def band(self) -> str:
        upper = [f"{mark.x},{mark.y_high}" for mark in self.marks]
        return " ".join([*upper, *(f"{mark.x},{mark.y_low}" for mark in reversed(self.marks))])


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlot:
    frame: PlotFrame
    curves: Sequence[PlotCurve]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]


def curve(name: str, points: Sequence[PlotPoint], x: Axis, y: Axis) -> PlotCurve:
    """Points to marks."""
    return PlotCurve(
        name,
        [
            PlotMark(x=x.at(one.x), y=y.at(one.value), y_low=y.at(one.low), y_high=y.at(one.high), label=one.label)
            for one in points
        ],
    )


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Moves labels away from each other, keeping their order, until none covers another; half of the way goes up."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    placed = list(positions)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + gap)
    lowest = order[-1]
    back = (placed[lowest] - positions[lowest]) / 2
    return [round(y - back, 1) for y in placed]
