"""The axes of every plot: values mapped to positions, in whole steps, a tick at each. Numbers only; templates draw.

Knows nothing of what is measured. Positions are in the units of a plot's viewBox.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

MOST_STEPS = 6
"""The most steps of an axis before it uses the next larger step; rounding outwards can add two."""
_RATE_STEPS = (0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From `first` to `last` steps, drawn from position `start` to `end`; a vertical axis ends above its start. A
    single step is drawn in the middle."""

    step: float
    first: int
    last: int
    start: float
    end: float

    @property
    def least(self) -> float:
        return self.first * self.step

    @property
    def most(self) -> float:
        return self.last * self.step

    def at(self, value: float) -> float:
        if self.first == self.last:
            return round((self.start + self.end) / 2, 1)
        return round(self.start + (self.end - self.start) * (value - self.least) / (self.most - self.least), 1)

    def ticks(self, label: Callable[[float], str]) -> list[Tick]:
        return [Tick(self.at(n * self.step), label(n * self.step)) for n in range(self.first, self.last + 1)]


def percent_label(rate: float) -> str:
    return f"{100 * rate:.0f}%"


def axis_around(low: float, high: float, steps: Sequence[float], start: float, end: float) -> Axis:
    """Whole steps around both values, at least one; of `steps` the first that needs few enough, else the last."""
    step, first, last = _around(low, high, steps)
    return Axis(step=step, first=first, last=max(last, first + 1), start=start, end=end)


def rate_axis(low: float, high: float, start: float, end: float, fewest: int = 1) -> Axis:
    """An axis for shares of 1: whole steps around both values, at least `fewest`, never beyond 0 or 1."""
    step, first, last = _around(low, high, _RATE_STEPS)
    first, last = max(0, first), min(round(1 / step), last)
    if last - first < fewest:
        first, last = (last - fewest, last) if last >= fewest else (0, fewest)
    return Axis(step=step, first=first, last=last, start=start, end=end)


def _around(low: float, high: float, steps: Sequence[float]) -> tuple[float, int, int]:
    step = next((one for one in steps if high - low <= MOST_STEPS * one), steps[-1])
    return step, floor(low / step + 1e-9), ceil(high / step - 1e-9)
