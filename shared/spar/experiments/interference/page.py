"""Writes an experiment as one self-contained HTML page, in the form and under the rules of a run's report.

No script, nothing loaded. Plots are curves over steps: the mean over seeds as a line, from the lowest to the highest
seed as a band. Their numbers are also in a table.
"""

from collections.abc import Sequence
from math import ceil
from statistics import fmean

from spar.charts.axes import Axis, Tick, percent_label
from spar.charts.plots import LinePlot, PlotCurve, PlotFrame, PlotPoint, curve
from spar.experiments.interference.claims import InterferenceClaim, claims_of, p_text
from spar.experiments.interference.pairs import KINDS
from spar.experiments.interference.results import ExperimentResult
from spar.report.page import environment, style

FRAME = PlotFrame(left=44, right=408, top=12, bottom=222, inset=8)
"""Of 420 by 260."""
X_TICKS = 8
SHARES = Axis(step=0.2, first=0, last=5, start=FRAME.bottom, end=FRAME.top)
"""The same for every plot: from 0 to 100%."""
TITLES = {"characters": "Write a letter so many times", "stories": "A story with a given beginning and end"}
ABOUT = {
    "characters": "The prompt sets the count, not the case. A refined pair keeps the case of the rejected response; an "
    "interfering one has the right count in the other case.",
    "stories": "The prompt sets the first and the last sentence, not those between them. A refined pair is the same "
    "story corrected; an interfering one is another correct story of the same model.",
}


def render(result: ExperimentResult) -> str:
    """The whole page, as a string."""
    claims = claims_of(result)
    table = [
        (step, [(fmean(seeds), min(seeds), max(seeds)) for seeds in cells])
        for step, *cells in zip(
            result.steps, *(result.values(kind, m) for m in range(len(result.measures)) for kind in KINDS), strict=True
        )
    ]
    columns = [f"{measure}, {kind}" for measure in result.measures for kind in KINDS]
    template = environment("spar.experiments.interference").get_template("synthetic.html.jinja")
    return template.render(
        result=result,
        title=TITLES[result.task],
        about=ABOUT[result.task],
        headline=headline(claims),
        claims=claims,
        p_text=p_text,
        plots=plots(result),
        table=table,
        columns=columns,
        style=style(),
    )


def headline(claims: list[InterferenceClaim]) -> str:
    """The main claim's verdict."""
    main = claims[0]
    if main.held:
        return f"Refined pairs end {100 * main.test.mean:.1f} points above interfering ones."
    if main.test.mean < 0:
        return f"Refined pairs do not end above interfering ones: they end {-100 * main.test.mean:.1f} points below."
    return f"Refined pairs end {100 * main.test.mean:.1f} points above interfering ones, which may be chance."


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
