"""What the curves of Figures 1 and 3 are: rates of IFEval's average by iteration, the paper's and those of runs.

The paper draws the baselines over iterations and prints their last values alone, so these are single points. Reads
tables and reports; draws nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.experiments.paper_tables.published import read_table
from spar.report.charts import RatePoint
from spar.report.model import RunReport

MEASURE = "ifeval"
AVERAGE = "average"
ITERATIONS = 3
BASELINES = ("SELF", "Humpback", "Self-Rewarding", "Meta-Rewarding")
OWN: Mapping[str, tuple[int, str]] = {"llama3-8b": (1, "SPaR-8B"), "mistral-7b": (6, "SPaR-7B")}
"""By backbone: the table that prints its rows, and how they begin. Figure 3 is of the first, Figure 9 of the second."""
FIGURES: Mapping[int, str] = {
    1: "Figure 1 (right): IFEval average of iteratively trained LLaMA3-8B-Instruct, refined against sampled pairs",
    3: "Figure 3: comparison with baseline methods across iterations, IFEval average",
}
UNPRINTED: Mapping[int, str] = {
    1: "The paper prints no number of the directly sampled pairs' curve: --run it, from the recipe no_refinement.",
    3: "Of the baselines the paper prints the values after the last iteration alone.",
}


@dataclass(frozen=True, slots=True)
class FigureCurve:
    """One line: whose it is, and its points, shares of 1 by iteration."""

    name: str
    theirs: bool
    points: tuple[RatePoint, ...]


def published(figure: int, backbone: str = "llama3-8b") -> list[FigureCurve]:
    """The paper's own. A printed value has no interval."""
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
    """A run's. Raises DataError for one that has not measured IFEval."""
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
    """What makes a run's points others than the paper's."""
    found = [entry.benchmarks[MEASURE].settings for entry in report.iterations if MEASURE in entry.benchmarks]
    limits = {settings["limit"] for settings in found if "limit" in settings}
    return [f"{name} was asked only the first {limit} prompts: not the paper's numbers." for limit in sorted(limits)]


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
