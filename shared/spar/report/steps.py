"""What the steps of an iteration took, summed by kind. A reused result took nothing now, so it only counts as
reused.

Reads step rows; opens no object.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from spar.db.tables import Step


@dataclass(slots=True)
class Effort:
    """Seconds, tokens (read and written), calls and reused results, each by step kind."""

    seconds: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)

    def add_tokens(self, kind: str, tokens: int) -> None:
        if tokens:
            self.tokens[kind] = self.tokens.get(kind, 0) + tokens


def effort_of(steps: Iterable[Step]) -> Effort:
    """Sums over finished steps. Tokens of trainings stand in their results: the caller adds them."""
    effort = Effort()
    for step in steps:
        kind = step.kind.value
        if step.reused:
            effort.reused[kind] = effort.reused.get(kind, 0) + 1
            continue
        effort.seconds[kind] = effort.seconds.get(kind, 0.0) + float(step.facts.get("seconds", 0.0))
        usage = step.facts.get("usage", {})
        effort.add_tokens(kind, int(usage.get("prompt_tokens", 0)) + int(usage.get("completion_tokens", 0)))
        if calls := int(usage.get("calls", 0)):
            effort.calls[kind] = effort.calls.get(kind, 0) + calls
    return effort
