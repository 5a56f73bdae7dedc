"""Whether a refiner's judging has drifted from the rules: arithmetic over an audit's counts.

An audit reports, for each source of items, how far the success rate by the refiner exceeds that by the rules. Knows
neither who audits, nor what follows from an alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spar.recipes.models import JudgeAuditSettings


class AuditSource(StrEnum):
    """The source of an audited text."""

    RESPONSE = "response"
    REFINEMENT = "refinement"


SOURCES: Mapping[AuditSource, str] = {AuditSource.RESPONSE: "responses", AuditSource.REFINEMENT: "refinements"}
"""Display names."""
LEAST_PROMPTS = 20
"""A gap over fewer prompts is shown but raises no alarm, since a few prompts can make a wide one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFigures:
    """One source's audit, as shares of 1; a rate is None if it had no item."""

    prompts: int
    accepted: float
    followed: float
    gap: float
    gap_low: float
    gap_high: float
    items: int | None = None
    unlabelled: int | None = None
    false_accept: float | None = None
    false_reject: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Self-judged minus audited success, as shares, with the gap's 95% interval."""

    source: AuditSource
    accepted: float
    followed: float
    gap: float
    low: float
    high: float

    def __str__(self) -> str:
        side = "above" if self.gap > 0 else "below"
        return (
            f"the refiner accepts {100 * self.accepted:.1f}% of {SOURCES[self.source]} and the rules "
            f"{100 * self.followed:.1f}%: {100 * abs(self.gap):.1f} points {side} them "
            f"({100 * self.low:.1f} to {100 * self.high:.1f})"
        )


def disagreements(
    audited: Mapping[AuditSource, AuditFigures], settings: JudgeAuditSettings
) -> tuple[Disagreement, ...]:
    """The sources whose gap exceeds the alarm's, in either direction, with an interval that excludes 0."""
    return tuple(
        Disagreement(
            source=source,
            accepted=figures.accepted,
            followed=figures.followed,
            gap=figures.gap,
            low=figures.gap_low,
            high=figures.gap_high,
        )
        for source, figures in audited.items()
        if figures.prompts >= LEAST_PROMPTS
        and abs(figures.gap) > settings.alarm
        and not figures.gap_low <= 0 <= figures.gap_high
    )


def reason(iteration: int, found: tuple[Disagreement, ...]) -> str:
    """Why a run stops, and what its user can do."""
    drift = "; ".join(str(disagreement) for disagreement in found)
    return f"judge audit: in iteration {iteration} {drift}. See the report; judge_audit.stop=false continues"
