"""The result of a `spar refine`: rows by outcome, and their cost. The counts add up to the rows of the file."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from spar.inference.batch.search_row import RowOutcome

_REASONS_SHOWN = 5


@dataclass(slots=True, kw_only=True)
class Summary:
    """`earlier` rows existed when this run started; `seconds` is of this run only."""

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
    """Failed replies, by `ReplyFailure`."""
    estimated_tokens: int = 0
    """Tokens of both kinds that the server did not report."""
    adjustments: Counter[str] = field(default_factory=Counter)
    """Replies to adjusted requests, by `Adjustment`."""
    failed: dict[int, str] = field(default_factory=dict)
    """By line, rows that the engine failed, with the reason: not in the output, and searched by the same command."""
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
        self.estimated_tokens += row.get("estimated_tokens", 0)
        self.adjustments.update(row.get("adjustments", {}))

    def add_earlier(self, row: dict[str, Any]) -> None:
        self.earlier += 1
        self.add(row)

    def as_json(self) -> dict[str, Any]:
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: dict(fact) if isinstance(fact, dict) else fact for name, fact in facts.items()}

    def lines(self) -> list[str]:
        """The summary as text: rows by outcome, what was rejected or failed and why, calls and tokens."""
        outcomes = [f"{outcome.value} {self.outcomes[outcome]}" for outcome in RowOutcome if self.outcomes[outcome]]
        earlier = f" ({self.earlier} of them before)" if self.earlier else ""
        lines = [f"rows {self.rows}{earlier}: {', '.join(outcomes) or 'none'}"]
        lines += [f"  rejected {number}: {reason}" for reason, number in self.reasons.most_common(_REASONS_SHOWN)]
        if len(self.reasons) > _REASONS_SHOWN:
            lines.append(f"  and {len(self.reasons) - _REASONS_SHOWN} other reasons, each in its output row")
        lines += [f"  failed: line {line}: {why}" for line, why in sorted(self.failed.items())[:_REASONS_SHOWN]]
        if len(self.failed) > _REASONS_SHOWN:
            lines.append(f"  and {len(self.failed) - _REASONS_SHOWN} other rows failed")
        tokens = f"tokens {self.prompt_tokens} in, {self.completion_tokens} out"
        if self.estimated_tokens:
            tokens += f" ({self.estimated_tokens} of them estimated: the server reports no usage)"
        lines.append(f"nodes {self.nodes}, calls {self.calls}, {tokens}")
        if self.adjustments:
            replies = ", ".join(f"{name} {number}" for name, number in self.adjustments.most_common())
            lines.append(f"replies to requests that were adapted to the server: {replies}")
        if self.failures:
            replies = ", ".join(f"{failure} {number}" for failure, number in self.failures.most_common())
            lines.append(f"replies that were no data: {replies}")
        if self.repaired:
            lines.append("the output's last line was torn; its row was searched again")
        return [*lines, f"seconds {self.seconds:.1f}"]
