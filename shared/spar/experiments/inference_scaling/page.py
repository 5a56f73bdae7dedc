"""Writes a sweep as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded, everything that is not ours escaped. Its plots' numbers are also in tables.
"""

from collections.abc import Callable, Sequence

from spar.charts.plots import LinePlot, PlotPoint
from spar.experiments.inference_scaling.curves import BudgetPoint
from spar.experiments.inference_scaling.drawing import curves_over, plot
from spar.experiments.inference_scaling.majority_vote import MajorityPoint
from spar.experiments.inference_scaling.report import SweepReport
from spar.report.page import environment, style

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
