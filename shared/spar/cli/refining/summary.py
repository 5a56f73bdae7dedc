"""What a `spar refine` came to: rows by outcome, and what they cost. The counts of all rows of the file add up."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from spar.cli.refining.search_row import RowOutcome

_REASONS_TOLD = 5


@dataclass(slots=True)
class Summary:
    """`earlier` rows were there when this run began; `seconds` is this run's alone."""

    rows: int = 0
    earlier: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows were rejected."""
    nodes: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Replies that were no data, by `ReplyFailure`."""
    repaired: bool = False
    seconds: float = 0.0

    def add(self, row: dict[str, Any]) -> None:
        self.rows += 1
        self.outcomes[row["outcome"]] += 1
        if row["outcome"] == RowOutcome.REJECTED:
            self.reasons[row["reason"]] += 1
        self.nodes += row.get("nodes", 0)
        self.calls += row["calls"]
        self.prompt_tokens += row["prompt_tokens"]
        self.completion_tokens += row["completion_tokens"]
        self.failures.update(row["failures"])

    def add_earlier(self, row: dict[str, Any]) -> None:
        self.earlier += 1
        self.add(row)

    def as_json(self) -> dict[str, Any]:
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: dict(fact) if isinstance(fact, Counter) else fact for name, fact in facts.items()}

    def lines(self) -> list[str]:
        outcomes = [f"{outcome.value} {self.outcomes[outcome]}" for outcome in RowOutcome if self.outcomes[outcome]]
        earlier = f" ({self.earlier} of them before)" if self.earlier else ""
        told = [f"rows {self.rows}{earlier}: {', '.join(outcomes) or 'none'}"]
        told += [f"  rejected {number}: {reason}" for reason, number in self.reasons.most_common(_REASONS_TOLD)]
        if len(self.reasons) > _REASONS_TOLD:
            told.append(f"  and {len(self.reasons) - _REASONS_TOLD} other reasons, each in its output row")
        told.append(
            f"nodes {self.nodes}, calls {self.calls}, tokens {self.prompt_tokens} in, {self.completion_tokens} out"
        )
        if self.failures:
            replies = ", ".join(f"{failure} {number}" for failure, number in self.failures.most_common())
            told.append(f"replies that were no data: {replies}")
        if self.repaired:
            told.append("the output's last line was torn; its row was searched again")
        return [*told, f"seconds {self.seconds:.1f}"]
