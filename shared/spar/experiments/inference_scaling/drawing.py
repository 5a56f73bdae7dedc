"""A sweep's plots: rates over a cost on a doubling scale. Positions only; a template draws them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, floor, log2

from spar.charts.axes import Tick, percent_label, rate_axis
from spar.charts.plots import LinePlot, PlotFrame, PlotPoint, curve
from spar.experiments.inference_scaling.curves import BudgetPoint

FRAME = PlotFrame(left=44, right=408, top=12, bottom=222, inset=10)
"""Of 420 by 260."""
_MOST_TICKS = 9


def plot(curves: Sequence[tuple[str, Sequence[PlotPoint]]]) -> LinePlot:
    """Costs must be positive, and there must be at least one point."""
    every = [point for _, points in curves for point in points]
    least, most = min(point.x for point in every), max(point.x for point in every)
    first = floor(log2(least))
    last = max(ceil(log2(most)), first + 1)
    x = FRAME.across(first, last)
    y = rate_axis(min(point.low for point in every), max(point.high for point in every), FRAME.bottom, FRAME.top)
    ticked = range(first, last + 1, max(1, ceil((last - first) / _MOST_TICKS)))
    return LinePlot(
        frame=FRAME,
        curves=[curve(name, [replace(point, x=log2(point.x)) for point in points], x, y) for name, points in curves],
        x_ticks=[Tick(x.at(power), f"{2.0**power:,g}") for power in ticked],
        y_ticks=y.ticks(percent_label),
    )


def curves_over(
    points: Sequence[BudgetPoint], cost: Callable[[BudgetPoint], float], unit: str
) -> list[tuple[str, list[PlotPoint]]]:
    """One curve a strategy; each begins at the actor alone, which equals a budget of 1. Costs of 0 are left out."""
    start = [point for point in points if point.strategy == "actor"]
    names = [name for name in dict.fromkeys(point.strategy for point in points) if name != "actor"] or ["actor"]
    curves = []
    for name in names:
        own = [point for point in points if point.strategy == name]
        shown = [point for point in [*start, *(own if name != "actor" else [])] if cost(point) > 0]
        curves.append((name, [_at(point, cost(point), unit) for point in shown]))
    return [drawn for drawn in curves if drawn[1]]


def _at(point: BudgetPoint, x: float, unit: str) -> PlotPoint:
    rates = f"{100 * point.rate:.1f}% ({100 * point.low:.1f} to {100 * point.high:.1f})"
    label = f"{point.strategy}, budget {point.budget}: {rates} at {x:,.1f} {unit} a prompt"
    return PlotPoint(x=x, value=point.rate, low=point.low, high=point.high, label=label)
