"""The curves of Figures 1 and 3, the paper's and those of runs: IFEval's average by iteration; and their HTML page.

The paper draws the baselines over iterations but prints only their last values, so these are single points. The page is
self-contained like a run's report: no script, nothing loaded, everything that is not ours escaped. Its plot's numbers
are also in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.experiments.paper_tables.published import read_table
from spar.report.charts import RatePoint, Series, line_chart
from spar.report.model import RunReport
from spar.report.page import environment, style

TONES = 8
"""Styles of the template's lines; further curves start again with the first."""
MEASURE = "ifeval"
AVERAGE = "average"
ITERATIONS = 3
BASELINES = ("SELF", "Humpback", "Self-Rewarding", "Meta-Rewarding")
OWN: Mapping[str, tuple[int, str]] = {"llama3-8b": (1, "SPaR-8B"), "mistral-7b": (6, "SPaR-7B")}
"""By backbone: the table with its rows, and their prefix. Figure 3 shows the first, Figure 9 the second."""
FIGURES: Mapping[int, str] = {
    1: "Figure 1 (right): IFEval average of iteratively trained LLaMA3-8B-Instruct, refined against sampled pairs",
    3: "Figure 3: comparison with baseline methods across iterations, IFEval average",
}
UNPRINTED: Mapping[int, str] = {
    1: "The paper prints no number of the directly sampled pairs' curve: --run it, from the recipe no_refinement.",
    3: "Of the baselines the paper prints only the values after the last iteration.",
}


@dataclass(frozen=True, slots=True)
class FigureCurve:
    """One line: its name, whether it is the paper's, and its points, shares of 1 by iteration."""

    name: str
    theirs: bool
    points: tuple[RatePoint, ...]


def published(figure: int, backbone: str = "llama3-8b") -> list[FigureCurve]:
    """The paper's curves. A printed value has no interval."""
    number, family = OWN[backbone]
    values = {row.model: row.values[f"{MEASURE}.{AVERAGE}"] for row in read_table(number).rows}
    rows = [f"{family}-SFT", *(f"{family}-DPO-iter{index}" for index in range(1, ITERATIONS + 1))]
    curves = [
        FigureCurve(f"{family}, paper", True, tuple(_exact(index, values[row]) for index, row in enumerate(rows)))
    ]
    if figure == 3:
        curves += [FigureCurve(f"{name}, paper", True, (_exact(ITERATIONS, values[name]),)) for name in BASELINES]
    return curves


def of_run(name: str, report: RunReport) -> FigureCurve:
    """A run's curve. Raises DataError for a run that has not measured IFEval."""
    points = []
    for entry in report.iterations:
        measured = entry.benchmarks.get(MEASURE)
        if measured is not None and AVERAGE in measured.scores and entry.iteration >= 0:
            value = measured.scores[AVERAGE]
            low, high = measured.intervals.get(AVERAGE, (value, value))
            points.append(RatePoint(x=entry.iteration, value=value / 100, low=low / 100, high=high / 100))
    if not points:
        raise DataError(
            f"Run {report.run} has not measured IFEval.",
            "Name it in the recipe's evaluation.benchmarks, and run again.",
        )
    return FigureCurve(name, False, tuple(points))


def limits_of(name: str, report: RunReport) -> list[str]:
    """The reasons that a run's points are not comparable with the paper's."""
    found = [entry.benchmarks[MEASURE].settings for entry in report.iterations if MEASURE in entry.benchmarks]
    limits = {settings["limit"] for settings in found if "limit" in settings}
    return [
        f"{name} was evaluated on the first {limit} prompts only: not comparable with the paper."
        for limit in sorted(limits)
    ]


def table_of(curves: Sequence[FigureCurve]) -> list[tuple[str, list[float | None]]]:
    """Every curve's values in percent, by iteration from 0."""
    last = max(point.x for curve in curves for point in curve.points)
    found = []
    for curve in curves:
        values = {point.x: 100 * point.value for point in curve.points}
        found.append((curve.name, [values.get(index) for index in range(last + 1)]))
    return found


def _exact(iteration: int, percent: float) -> RatePoint:
    return RatePoint(x=iteration, value=percent / 100, low=percent / 100, high=percent / 100)


def render_figure(title: str, curves: Sequence[FigureCurve], notes: Sequence[str]) -> str:
    """The whole page, as a string."""
    series = [
        Series(name=curve.name, style=f"f-{number % TONES}", points=curve.points) for number, curve in enumerate(curves)
    ]
    rows = table_of(curves)
    return (
        environment("spar.experiments.paper_figures")
        .get_template("figure.html.jinja")
        .render(
            title=title,
            chart=line_chart(series),
            rows=rows,
            iterations=range(len(rows[0][1])),
            notes=notes,
            style=style(),
        )
    )
