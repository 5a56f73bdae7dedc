"""The geometry of the report's plots: numbers in, positions out. Templates draw them; nothing here writes markup.

Lines have intervals; bars add up to their totals. Positions are in the units of each plot's viewBox.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.charts.axes import Tick, percent_label, rate_axis
from spar.charts.plots import PlotCurve, PlotFrame, PlotPoint, curve, spread
from spar.recipes.init import ACTOR, BACKBONE, iteration_name

FRAME = PlotFrame(left=42, right=300, top=16, bottom=214, inset=14)
"""Of 400 by 250: the labels at the lines' ends stand to the right of it."""
LABEL_GAP = 34
"""The minimum distance of two labels at the lines' ends: each is two lines of text."""
BAR_WIDTH = 1000
COLUMNS_WIDTH, COLUMNS_HEIGHT = 280, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """A rate with its interval at an iteration."""

    x: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    name: str
    style: str  # a class of the style sheet
    points: Sequence[RatePoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """A curve with the label at its end."""

    curve: PlotCurve
    style: str
    label: str
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    frame: PlotFrame
    lines: list[ChartLine]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a stacked bar, `at` and `width` in thousandths of the longest bar."""

    name: str
    style: str
    at: float
    width: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    at: float
    width: float
    top: float
    height: float
    label: str
    value: int


def line_chart(series: Sequence[Series]) -> LineChart | None:
    """Rates over iterations; None if nothing was measured."""
    shown = [one for one in series if one.points]
    if not shown:
        return None
    every = [point for one in shown for point in one.points]
    y = rate_axis(min(p.low for p in every), max(p.high for p in every), FRAME.bottom, FRAME.top, fewest=2)
    first, last = min(0, *(point.x for point in every)), max(point.x for point in every)
    x = FRAME.across(first, last)
    curves = [curve(one.name, [_point(one.name, point) for point in one.points], x, y) for one in shown]
    ends = spread([drawn.marks[-1].y for drawn in curves], LABEL_GAP)
    lines = [
        ChartLine(curve=drawn, style=one.style, label=f"{100 * one.points[-1].value:.1f}%", label_y=end)
        for one, drawn, end in zip(shown, curves, ends, strict=True)
    ]
    x_ticks = [Tick(x.at(step), _tick(step)) for step in range(first, last + 1) if step != ACTOR]
    return LineChart(frame=FRAME, lines=lines, x_ticks=x_ticks, y_ticks=y.ticks(percent_label))


def stacked_bar(parts: Sequence[tuple[str, str, float]], longest: float, gap: float = 3.0) -> list[Segment]:
    """Parts (name, style, value) of one bar, on the scale of the longest bar; empty parts leave no gap."""
    segments: list[Segment] = []
    at = 0.0
    for name, style, value in parts:
        if value <= 0 or longest <= 0:
            continue
        width = BAR_WIDTH * value / longest
        segments.append(
            Segment(name=name, style=style, at=round(at, 1), width=round(max(width - gap, 1.0), 1), value=value)
        )
        at += width
    return segments


def columns(counts: Mapping[int, int], sizes: Sequence[int], highest: int) -> list[Column]:
    """A histogram over `sizes`, on the scale of `highest`, so that several can be compared."""
    slot = COLUMNS_WIDTH / max(len(sizes), 1)
    found = []
    for index, size in enumerate(sizes):
        number = counts.get(size, 0)
        height = round((COLUMNS_HEIGHT - 44) * number / highest, 1) if highest else 0.0
        found.append(
            Column(
                at=round(index * slot + slot * 0.14, 1),
                width=round(slot * 0.72, 1),
                top=round(COLUMNS_HEIGHT - 22 - height, 1),
                height=height,
                label=str(size),
                value=number,
            )
        )
    return found


def _tick(x: int) -> str:
    return str(x) if x > 0 else iteration_name(x, measured=True)


def _point(name: str, point: RatePoint) -> PlotPoint:
    when = {BACKBONE: "of the backbone", 0: "at the start"}.get(point.x, f"after iteration {point.x}")
    label = f"{name} {when}: {100 * point.value:.1f}% ({100 * point.low:.1f} to {100 * point.high:.1f})"
    return PlotPoint(x=point.x, value=point.value, low=point.low, high=point.high, label=label)
