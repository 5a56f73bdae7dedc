"""The cost of an iteration's steps, by kind. A reused result costs nothing now, so it only counts as reused.

Calls and tokens are those that the budget counts (`spar.db.spending`), so that every page shows one figure. Reads rows;
opens no object.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from spar.db.facts import facts_of
from spar.db.tables import Step
from spar.messages.base import StepKind
from spar.recipes.spending import Spent

Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class Effort:
    """Seconds, tokens of models (read and written), calls and reused results, each by step kind.

    Seconds are by the clock, while at least one step of the kind was running: shards wait concurrently, so the sum of
    their own times is not meaningful.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)


def effort_of(steps: Iterable[Step], spent: Mapping[StepKind, Spent]) -> Effort:
    """Sums over finished steps; `spent` is the cost of the attempts of each kind."""
    effort = Effort(
        tokens={kind.value: int(work.tokens) for kind, work in spent.items() if work.tokens},
        calls={kind.value: int(work.calls) for kind, work in spent.items() if work.calls},
    )
    spans: dict[str, list[Span]] = {}
    for step in steps:
        kind = step.kind.value
        if step.reused:
            effort.reused[kind] = effort.reused.get(kind, 0) + 1
            continue
        if step.finished_at is not None:
            began = step.finished_at - timedelta(seconds=facts_of(step).seconds or 0.0)
            spans.setdefault(kind, []).append((began, step.finished_at))
    effort.seconds = {kind: covered_seconds(of_kind) for kind, of_kind in spans.items()}
    return effort


def covered_seconds(spans: Iterable[Span]) -> float:
    """The time covered by at least one of the spans."""
    covered, until = timedelta(), datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted(spans):
        covered += max(ended - max(began, until), timedelta())
        until = max(until, ended)
    return covered.total_seconds()
