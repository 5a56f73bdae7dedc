"""What the steps of an iteration took, by kind. A reused result took nothing now, so it only counts as reused.

Reads step rows; opens no object.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from spar.db.tables import Step

Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Effort:
    """Seconds, tokens (read and written), calls and reused results, each by step kind.

    Seconds are by the clock, while at least one step of the kind was at work: shards wait side by side, so the sum
    of their own times says little.
    """

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
    spans: dict[str, list[Span]] = {}
    for step in steps:
        kind = step.kind.value
        if step.reused:
            effort.reused[kind] = effort.reused.get(kind, 0) + 1
            continue
        if step.finished_at is not None:
            began = step.finished_at - timedelta(seconds=float(step.facts.get("seconds", 0.0)))
            spans.setdefault(kind, []).append((began, step.finished_at))
        usage = step.facts.get("usage", {})
        effort.add_tokens(kind, int(usage.get("prompt_tokens", 0)) + int(usage.get("completion_tokens", 0)))
        if calls := int(usage.get("calls", 0)):
            effort.calls[kind] = effort.calls.get(kind, 0) + calls
    effort.seconds = {kind: covered_seconds(of_kind) for kind, of_kind in spans.items()}
    return effort


def covered_seconds(spans: Iterable[Span]) -> float:
    """How long at least one of the spans lasted."""
    covered, until = timedelta(), datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted(spans):
        covered += max(ended - max(began, until), timedelta())
        until = max(until, ended)
    return covered.total_seconds()
