"""Writes a sweep as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded, all other text escaped. Plots are rates over a cost on a doubling scale; their numbers are
also in tables.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, floor, log2

from spar.charts.axes import Tick, percent_label, rate_axis
from spar.charts.plots import LinePlot, PlotFrame, PlotPoint, curve
from spar.experiments.inference_scaling.curves import BudgetPoint
from spar.experiments.inference_scaling.majority_vote import MajorityPoint
from spar.experiments.inference_scaling.report import SweepReport
from spar.report.page import environment, style

FRAME = PlotFrame(left=44, right=408, top=12, bottom=222, inset=10)
"""Of 420 by 260."""
_MOST_TICKS = 9
COSTS: tuple[tuple[str, str, Callable[[BudgetPoint], float]], ...] = (
    ("Responses and refinements drawn a prompt", "draws", lambda point: point.draws),
    ("Votes a prompt", "votes", lambda point: point.votes),
    ("Tokens a prompt, prompts included", "tokens", lambda point: point.tokens),
)


def render_sweep(report: SweepReport) -> str:
    """The whole page, as a string."""
    plots = []
    for title, unit, cost in COSTS:
        curves = curves_over(report.points, cost, unit)
        if curves:
            plots.append((title, plot(curves)))
    return (
        environment("spar.experiments.inference_scaling")
        .get_template("decode.html.jinja")
        .render(
            report=report,
            plots=plots,
            averaged=any(point.average is not None for point in report.points),
            majority=_majority(report.majority),
            style=style(),
            names=[name for name in dict.fromkeys(point.strategy for point in report.points) if name != "actor"],
        )
    )


def _majority(points: Sequence[MajorityPoint]) -> LinePlot | None:
    """Over the number of votes; the greedy vote is in the table only."""
    sampled = [point for point in points if point.votes]
    if not sampled:
        return None
    at = [
        PlotPoint(x=point.votes, value=point.accuracy, low=point.low, high=point.high, label=_label(point))
        for point in sampled
    ]
    return plot([("majority", at)])


def _label(point: MajorityPoint) -> str:
    return f"{point.votes} votes: {100 * point.accuracy:.1f}% ({100 * point.low:.1f} to {100 * point.high:.1f})"


def plot(curves: Sequence[tuple[str, Sequence[PlotPoint]]]) -> LinePlot:
    """Rates over costs. Costs must be positive, and there must be at least one point."""
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
