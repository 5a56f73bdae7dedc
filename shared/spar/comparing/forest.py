"""The geometry of a forest plot: one row per group, a dot with its interval on a common scale. Writes no markup.

Positions are in the units of the plot's viewBox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from spar.comparing.model import Estimate
from spar.report.charts import Tick
from spar.report.formats import signed

WIDTH, LEFT, RIGHT, ROW, TOP = 640, 250, 560, 34, 12
LONGEST = 34
"""Characters of a label that have room beside the plot; the whole of it stands in its title and in the table."""
TICKS = 6


@dataclass(frozen=True, slots=True)
class ForestRow:
    label: str
    whole: str
    y: float
    x: float
    x_low: float
    x_high: float
    style: str
    value: str
    said: str


@dataclass(frozen=True, slots=True)
class Forest:
    rows: list[ForestRow]
    ticks: list[Tick]
    zero: float | None
    height: float


def forest(named: Sequence[tuple[str, Estimate]], unit: str = "points") -> Forest | None:
    """Rows in the order given; None if there is nothing to draw."""
    if not named:
        return None
    bottom, top, step = _scale([each for _, each in named])

    def x_of(value: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (value - bottom) / (top - bottom), 1)

    rows = [
        ForestRow(
            label=label if len(label) <= LONGEST else label[: LONGEST - 1] + "…",
            whole=label,
            y=TOP + ROW * (index + 0.5),
            x=x_of(each.value),
            x_low=x_of(each.low),
            x_high=x_of(each.high),
            style="up" if each.low > 0 else "down" if each.high < 0 else "level",
            value=signed(each.value),
            said=f"{label}: {signed(each.value)} {unit} ({signed(each.low)} to {signed(each.high)})",
        )
        for index, (label, each) in enumerate(named)
    ]
    ticks = [
        Tick(x_of(bottom + i * step), signed(bottom + i * step, 0 if step >= 1 else 1))
        for i in _places(bottom, top, step)
    ]
    zero = x_of(0.0) if bottom <= 0 <= top else None
    return Forest(rows, ticks, zero, TOP + ROW * len(rows))


def _scale(estimates: Sequence[Estimate]) -> tuple[float, float, float]:
    """Whole steps around every interval and around no difference."""
    low, high = min(0.0, *(each.low for each in estimates)), max(0.0, *(each.high for each in estimates))
    span = max(high - low, 1e-6)
    step = next((one for one in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if span <= one * TICKS), 50.0)
    bottom, top = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    return (bottom, top, step) if top > bottom else (bottom, bottom + step, step)


def _places(bottom: float, top: float, step: float) -> range:
    return range(round((top - bottom) / step) + 1)
