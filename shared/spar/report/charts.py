"""The geometry of the report's plots: numbers in, positions out. Templates draw them; nothing here writes
markup.

Lines carry their intervals; bars add up to their totals. Positions are in the units of each plot's viewBox.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spar.charts.axes import Tick, percent_label, rate_axis
from spar.recipes.init import ACTOR, BACKBONE, iteration_name

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 42, 300, 16, 214
LABEL_GAP = 34
"""The least distance of two labels at the lines' ends: each is two lines of text."""
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
class ChartMark:
    """A drawn point: its position, its interval's ends, and what to say of it."""

    x: float
    y: float
    y_low: float
    y_high: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    name: str
    style: str
    points: str  # as of an SVG polyline
    marks: list[ChartMark]
    label: str
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
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
    y = rate_axis(min(p.low for p in every), max(p.high for p in every), BOTTOM, TOP, fewest=2)
    first = min(0, *(point.x for one in shown for point in one.points))
    last = max(point.x for one in shown for point in one.points)

    def x_of(x: int) -> float:
        return round(LEFT + 14 + (RIGHT - LEFT - 28) * ((x - first) / (last - first) if last > first else 0.5), 1)

    ends = _apart([y.at(one.points[-1].value) for one in shown])
    lines = [
        ChartLine(
            name=one.name,
            style=one.style,
            points=" ".join(f"{x_of(p.x)},{y.at(p.value)}" for p in one.points),
            marks=[_mark(one.name, p, x_of(p.x), y.at) for p in one.points],
            label=f"{100 * one.points[-1].value:.1f}%",
            label_y=end,
        )
        for one, end in zip(shown, ends, strict=True)
    ]
    x_ticks = [Tick(x_of(x), _tick(x)) for x in range(first, last + 1) if x != ACTOR]
    return LineChart(lines=lines, x_ticks=x_ticks, y_ticks=y.ticks(percent_label))


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


def _mark(name: str, point: RatePoint, x: float, y_of: Callable[[float], float]) -> ChartMark:
    when = {BACKBONE: "of the backbone", 0: "at the start"}.get(point.x, f"after iteration {point.x}")
    said = f"{name} {when}: {100 * point.value:.1f}% ({100 * point.low:.1f} to {100 * point.high:.1f})"
    return ChartMark(x=x, y=y_of(point.value), y_low=y_of(point.low), y_high=y_of(point.high), label=said)


def _apart(ends: Sequence[float]) -> list[float]:
    """Moves labels away from each other, keeping their order, until none covers another."""
    order = sorted(range(len(ends)), key=lambda index: ends[index])
    placed = list(ends)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + LABEL_GAP)
    lowest = order[-1]
    back = (placed[lowest] - ends[lowest]) / 2  # share the way between up and down
    return [round(y - back, 1) for y in placed]
