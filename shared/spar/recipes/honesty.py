"""When a refiner's judging counts as parted from the rules: arithmetic over what an audit counted.

An audit's counts name, for each source of items, how far the success that the refiner sees lies above what the rules
see. Who audits, and what follows from an alarm, is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spar.recipes.models import HonestySettings

SOURCES = {"response": "responses", "refinement": "refinements"}
"""The sources of audited items, as counts name them and as people do."""
LEAST_PROMPTS = 20
"""A gap over fewer prompts is shown and raises no alarm: a few unlucky ones make a wide one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Self-judged minus audited success, as shares, with the gap's 95% interval."""

    source: str
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


def disagreements(counts: Mapping[str, float], settings: HonestySettings) -> tuple[Disagreement, ...]:
    """The sources whose gap is wider than the alarm's, in either direction, and surely not none."""
    found = []
    for source in SOURCES:
        if counts.get(f"{source}.prompts", 0) < LEAST_PROMPTS:
            continue
        parting = Disagreement(
            source=source,
            accepted=counts[f"{source}.accepted"],
            followed=counts[f"{source}.followed"],
            gap=counts[f"{source}.gap"],
            low=counts[f"{source}.gap_low"],
            high=counts[f"{source}.gap_high"],
        )
        if abs(parting.gap) > settings.alarm and not parting.low <= 0 <= parting.high:
            found.append(parting)
    return tuple(found)


def reason(iteration: int, found: tuple[Disagreement, ...]) -> str:
    """Why a run stops, and what its user does next."""
    told = "; ".join(str(parting) for parting in found)
    return f"honesty: in iteration {iteration} {told}. Look at the report; honesty.stop=false continues"
