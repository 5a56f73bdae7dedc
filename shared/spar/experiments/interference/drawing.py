"""The geometry of the curves over steps: the mean over seeds as a line, the lowest to the highest seed as a band.

Positions only; a template draws them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from spar.charts.axes import Axis, Tick, percent_label
from spar.experiments.interference.pairs import KINDS
from spar.experiments.interference.results import ExperimentResult

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 408, 12, 222
X_TICKS = 8
SHARES = Axis(step=0.2, first=0, last=5, start=BOTTOM, end=TOP)
"""The same for every plot: from 0 to 100%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BandCurve:
    """`band` and `line` are points as of SVG."""

    name: str
    line: str
    band: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPlot:
    name: str
    curves: tuple[BandCurve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def plots(result: ExperimentResult) -> list[BandPlot]:
    """One for each measure, from 0 to 100%."""
    last = max(result.steps[-1], 1)

    def x_of(step: float) -> float:
        return round(LEFT + 8 + (RIGHT - LEFT - 16) * step / last, 1)

    shown = result.steps[:: max(1, ceil(len(result.steps) / X_TICKS))]
    x_ticks = tuple(Tick(x_of(step), str(step)) for step in shown)
    y_ticks = tuple(SHARES.ticks(percent_label))
    return [
        BandPlot(
            name=name,
            curves=tuple(_curve(result, kind, measure, x_of) for kind in KINDS),
            x_ticks=x_ticks,
            y_ticks=y_ticks,
        )
        for measure, name in enumerate(result.measures)
    ]


def _curve(result: ExperimentResult, kind: str, measure: int, x_of: Callable[[float], float]) -> BandCurve:
    values = result.values("refined" if kind == "refined" else "interfering", measure)
    steps = result.steps
    dots = tuple(
        Dot(x=x_of(step), y=SHARES.at(fmean(seeds)), label=_label(kind, step, seeds))
        for step, seeds in zip(steps, values, strict=True)
    )
    upper = [(x_of(step), SHARES.at(max(seeds))) for step, seeds in zip(steps, values, strict=True)]
    lower = [(x_of(step), SHARES.at(min(seeds))) for step, seeds in zip(steps, values, strict=True)]
    return BandCurve(
        name=kind, line=_points([(dot.x, dot.y) for dot in dots]), band=_points([*upper, *reversed(lower)]), dots=dots
    )


def _label(kind: str, step: int, seeds: Sequence[float]) -> str:
    return f"{kind}, step {step}: {100 * fmean(seeds):.1f}% ({100 * min(seeds):.1f} to {100 * max(seeds):.1f})"


def _points(found: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in found)
