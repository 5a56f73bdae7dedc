"""Whether the figures that a selection measured pass the recipe's guards. Arithmetic only.

Knows neither who measures, nor what follows when a guard does not pass.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from spar.method.guards import Figure, Guard
from spar.recipes.models import GuardSettings


class Mark(StrEnum):
    """The result of a guard: beyond its bound it warns or fails, by the recipe."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


MEANINGS: Mapping[Guard, str] = {
    Guard.SAME: "pairs whose chosen and rejected are the same text",
    Guard.EMPTY: "rows with an empty text",
    Guard.REPEATED_PROMPTS: "rows with the prompt of an earlier row",
    Guard.REPEATED_ROWS: "rows equal to an earlier row",
    Guard.CONTAMINATED: "rows with a prompt of the evaluation",
    Guard.IDS: "rows trained on as different ids than are served",
    Guard.LENGTH_GAP: "mean words of chosen over rejected, or its inverse",
    Guard.DISTANCE: "mean share of words that differ between a refinement and its negative",
    Guard.LABELS: "judgments with the most frequent label",
    Guard.MARGINS: "judgments that one vote decided",
}
RATIOS = (Guard.LENGTH_GAP,)
"""Guards whose figure is not a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFinding:
    """A guard's figure over a number of rows, the most that passes, and the result."""

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
        return f"{MEANINGS[self.guard]}: {self.shown} of {self.rows}, but guards.{self.guard}_most is {self.most:g}"


def findings(figures: Mapping[Guard, Figure], settings: GuardSettings) -> tuple[GuardFinding, ...]:
    """The findings of every active and measured guard; a figure over no rows is skipped."""
    measured = (guard for guard in Guard if guard in figures and figures[guard].rows)
    return tuple(_finding(guard, figures[guard], settings) for guard in measured if getattr(settings, guard) != "off")


def beyond(found: Iterable[GuardFinding], mark: Mark) -> tuple[GuardFinding, ...]:
    return tuple(finding for finding in found if finding.mark is mark)


def reason(iteration: str, failed: Iterable[GuardFinding]) -> str:
    return f"guards: {iteration} is not trained on: {'; '.join(map(str, failed))}"


def fix(failed: Iterable[GuardFinding]) -> str:
    settings = ", ".join(f"guards.{finding.guard}=warn" for finding in failed)
    return f"Inspect the rows with `spar explain` and correct the cause, or accept them with {settings}."


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
