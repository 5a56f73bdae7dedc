"""The curves over steps: the mean over seeds as a line, the lowest to the highest seed as a band.

Positions only; a template draws them.
"""

from collections.abc import Sequence
from math import ceil
from statistics import fmean

from spar.charts.axes import Axis, Tick, percent_label
from spar.charts.plots import LinePlot, PlotCurve, PlotFrame, PlotPoint, curve
from spar.experiments.interference.pairs import KINDS
from spar.experiments.interference.results import ExperimentResult

FRAME = PlotFrame(left=44, right=408, top=12, bottom=222, inset=8)
"""Of 420 by 260."""
X_TICKS = 8
SHARES = Axis(step=0.2, first=0, last=5, start=FRAME.bottom, end=FRAME.top)
"""The same for every plot: from 0 to 100%."""


def plots(result: ExperimentResult) -> list[tuple[str, LinePlot]]:
    """One for each measure, from 0 to 100%, under the measure's name."""
    x = FRAME.across(0, max(result.steps[-1], 1))
    shown = result.steps[:: max(1, ceil(len(result.steps) / X_TICKS))]
    x_ticks = [Tick(x.at(step), str(step)) for step in shown]
    y_ticks = SHARES.ticks(percent_label)
    return [
        (
            name,
            LinePlot(
                frame=FRAME,
                curves=[_curve(result, kind, measure, x) for kind in KINDS],
                x_ticks=x_ticks,
                y_ticks=y_ticks,
            ),
        )
        for measure, name in enumerate(result.measures)
    ]


def _curve(result: ExperimentResult, kind: str, measure: int, x: Axis) -> PlotCurve:
    values = result.values("refined" if kind == "refined" else "interfering", measure)
    return curve(kind, [_point(kind, step, seeds) for step, seeds in zip(result.steps, values, strict=True)], x, SHARES)


def _point(kind: str, step: int, seeds: Sequence[float]) -> PlotPoint:
    mean, low, high = fmean(seeds), min(seeds), max(seeds)
    label = f"{kind}, step {step}: {100 * mean:.1f}% ({100 * low:.1f} to {100 * high:.1f})"
    return PlotPoint(x=step, value=mean, low=low, high=high, label=label)
