"""The geometry of a sweep's plots: rates over a cost on a doubling scale. Positions only; a template draws them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2

from spar.charts.axes import Tick, percent_label, rate_axis
from spar.experiments.inference_scaling.curves import BudgetPoint

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 408, 12, 222
_MOST_TICKS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotMark:
    x: float
    y: float
    y_low: float
    y_high: float
    label: str


@dataclass(frozen=True, slots=True)
class PlotCurve:
    name: str
    marks: list[PlotMark]

    @property
    def points(self) -> str:
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlot:
    curves: list[PlotCurve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A rate with its interval at a cost, and its label."""

    x: float
    rate: float
    low: float
    high: float
    label: str


def plot(curves: Sequence[tuple[str, Sequence[At]]]) -> LinePlot:
    """Costs must be positive, and there must be at least one point."""
    every = [at for _, points in curves for at in points]
    x_of, x_ticks = _doubling(min(at.x for at in every), max(at.x for at in every))
    y = rate_axis(min(at.low for at in every), max(at.high for at in every), BOTTOM, TOP)
    drawn = [
        PlotCurve(
            name,
            [
                PlotMark(x=x_of(at.x), y=y.at(at.rate), y_low=y.at(at.low), y_high=y.at(at.high), label=at.label)
                for at in points
            ],
        )
        for name, points in curves
    ]
    return LinePlot(curves=drawn, x_ticks=x_ticks, y_ticks=y.ticks(percent_label))


def curves_over(
    points: Sequence[BudgetPoint], cost: Callable[[BudgetPoint], float], unit: str
) -> list[tuple[str, list[At]]]:
    """One curve a strategy; each begins at the actor alone, which equals a budget of 1. Costs of 0 are left out."""
    start = [point for point in points if point.strategy == "actor"]
    names = [name for name in dict.fromkeys(point.strategy for point in points) if name != "actor"] or ["actor"]
    curves = []
    for name in names:
        own = [point for point in points if point.strategy == name]
        shown = [point for point in [*start, *(own if name != "actor" else [])] if cost(point) > 0]
        curves.append((name, [_at(point, cost(point), unit) for point in shown]))
    return [curve for curve in curves if curve[1]]


def _at(point: BudgetPoint, x: float, unit: str) -> At:
    rate = f"{100 * point.rate:.1f}% ({100 * point.low:.1f} to {100 * point.high:.1f})"
    return At(
        x=x,
        rate=point.rate,
        low=point.low,
        high=point.high,
        label=f"{point.strategy}, budget {point.budget}: {rate} at {x:,.1f} {unit} a prompt",
    )


def _doubling(least: float, most: float) -> tuple[Callable[[float], float], list[Tick]]:
    first, last = floor(log2(least)), max(ceil(log2(most)), floor(log2(least)) + 1)

    def x_of(value: float) -> float:
        return round(LEFT + 10 + (RIGHT - LEFT - 20) * (log2(value) - first) / (last - first), 1)

    every = max(1, ceil((last - first) / _MOST_TICKS))
    return x_of, [Tick(x_of(2.0**power), f"{2.0**power:,g}") for power in range(first, last + 1, every)]
