"""The geometry of a forest plot: one row per group, a dot with its interval on a common scale. Writes no markup.

Positions are in the units of the plot's viewBox.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.charts.axes import Tick, axis_around
from spar.report.comparison.model import MeasuredGain
from spar.report.formats import signed

WIDTH, LEFT, RIGHT, ROW, TOP = 640, 250, 560, 34, 12
LONGEST = 34
"""Characters of a label that fit beside the plot; the complete label is in the tooltip and in the table."""
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Percentage points between two ticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    label: str
    whole: str
    y: float
    x: float
    x_low: float
    x_high: float
    style: str
    value: str
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    rows: list[ForestRow]
    ticks: list[Tick]
    zero: float
    height: float


def forest(named: Sequence[tuple[str, MeasuredGain]], unit: str = "points") -> Forest | None:
    """Rows in the order given; None if there is nothing to draw."""
    if not named:
        return None
    # Around every interval, and around no difference.
    low, high = min(0.0, *(each.low for _, each in named)), max(0.0, *(each.high for _, each in named))
    x = axis_around(low, high, STEPS, LEFT, RIGHT)
    rows = [
        ForestRow(
            label=label if len(label) <= LONGEST else label[: LONGEST - 1] + "…",
            whole=label,
            y=TOP + ROW * (index + 0.5),
            x=x.at(each.value),
            x_low=x.at(each.low),
            x_high=x.at(each.high),
            style="up" if each.low > 0 else "down" if each.high < 0 else "level",
            value=signed(each.value),
            tooltip=f"{label}: {signed(each.value)} {unit} ({signed(each.low)} to {signed(each.high)})",
        )
        for index, (label, each) in enumerate(named)
    ]
    ticks = x.ticks(lambda value: signed(value, 0 if x.step >= 1 else 1))
    return Forest(rows=rows, ticks=ticks, zero=x.at(0.0), height=TOP + ROW * len(rows))
