"""Whether what a selection measured of its rows passes the recipe's guards: arithmetic over figures.

Who measures, and what follows from a guard that does not pass, is not known here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from spar.method.guards import Figure, Guard
from spar.recipes.models import GuardSettings


class Mark(StrEnum):
    """What became of a guard: beyond its bound it warns or fails, as the recipe wants."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


MEANINGS: Mapping[Guard, str] = {
    Guard.SAME: "pairs whose chosen and rejected are the same text",
    Guard.EMPTY: "rows with an empty text",
    Guard.REPEATED_PROMPTS: "rows whose prompt an earlier one has",
    Guard.REPEATED_ROWS: "rows that an earlier one equals",
    Guard.CONTAMINATED: "rows whose prompt the evaluation uses",
    Guard.IDS: "rows trained on as other ids than are served",
    Guard.LENGTH_GAP: "mean words of chosen over rejected, or its inverse",
    Guard.DISTANCE: "mean share of words that a refinement does not share with its negative",
    Guard.LABELS: "judgments with the most frequent label",
    Guard.MARGINS: "judgments that one vote decided",
}
RATIOS = (Guard.LENGTH_GAP,)
"""Whose figure is no share of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFinding:
    """What a guard measured over so many rows, the most that passes, and what that makes of it."""

    guard: Guard
    value: float
    rows: int
    most: float
    mark: Mark

    @property
    def shown(self) -> str:
        return _shown(self.guard, self.value)

    @property
    def bound(self) -> str:
        return _shown(self.guard, self.most)

    def __str__(self) -> str:
        return f"{MEANINGS[self.guard]}: {self.shown} of {self.rows}, and guards.{self.guard}_most is {self.most:g}"


def findings(figures: Mapping[Guard, Figure], settings: GuardSettings) -> tuple[GuardFinding, ...]:
    """Of every guard that is on and that was measured: a figure over no rows says nothing."""
    measured = (guard for guard in Guard if guard in figures and figures[guard].rows)
    return tuple(_finding(guard, figures[guard], settings) for guard in measured if getattr(settings, guard) != "off")


def beyond(found: Iterable[GuardFinding], mark: Mark) -> tuple[GuardFinding, ...]:
    return tuple(finding for finding in found if finding.mark is mark)


def reason(iteration: str, failed: Iterable[GuardFinding]) -> str:
    return f"guards: {iteration} is not trained on: {'; '.join(map(str, failed))}"


def fix(failed: Iterable[GuardFinding]) -> str:
    settings = ", ".join(f"guards.{finding.guard}=warn" for finding in failed)
    return f"Look at the rows with `spar explain`, and correct what makes them so. Or accept them with {settings}."


def _finding(guard: Guard, figure: Figure, settings: GuardSettings) -> GuardFinding:
    most = float(getattr(settings, f"{guard}_most"))
    failing = Mark.FAIL if getattr(settings, guard) == "stop" else Mark.WARN
    return GuardFinding(
        guard=guard,
        value=figure.value,
        rows=figure.rows,
        most=most,
        mark=failing if figure.value > most else Mark.PASS,
    )


def _shown(guard: Guard, value: float) -> str:
    return f"{value:.2f}" if guard in RATIOS else f"{100 * value:.1f}%"
