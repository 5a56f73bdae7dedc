"""What a step of each kind counts, one record a kind: the only place that knows under which name a count is stored.

Reports and tables hold counts flat, by name: `of` reads them, `flat` writes them. Names that another version or kind
wrote are not this record's, and stay where they are stored.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from spar.method.guards import Figure, Guard
from spar.method.refiner_data import ExampleCounts
from spar.recipes.judge_audit import AuditFigures, AuditSource


class BaseCounts(BaseModel):
    """Plain numbers under their field's name; a field of PREFIXES under its prefix and each of its own names.

    A number that is None, or that its writer did not set, is not written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
    PREFIXES: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def of(cls, counts: Mapping[str, float]) -> Self:
        return cls.model_validate(cls._fields_of(counts))

    @classmethod
    def _fields_of(cls, counts: Mapping[str, float]) -> dict[str, object]:
        plain = {name: counts[name] for name in cls.model_fields if name in counts}
        return {**plain, **{field: _under(prefix, counts) for field, prefix in cls.PREFIXES.items()}}

    def flat(self) -> dict[str, float]:
        written: dict[str, float] = {}
        for field in self.model_fields_set:
            value = getattr(self, field)
            if field in self.PREFIXES:
                written |= {f"{self.PREFIXES[field]}{name}": float(number) for name, number in value.items()}
            elif isinstance(value, int | float):
                written[field] = float(value)
        return written


class ReplyCounts(BaseCounts):
    """Of every step: replies by their `ReplyFailure`, and by the `Adjustment` of their request."""

    PREFIXES: ClassVar[Mapping[str, str]] = {"failed": "reply_", "adjusted": "request_"}
    failed: Mapping[str, int] = {}
    adjusted: Mapping[str, int] = {}


class ShardCounts(BaseCounts):
    """`unusable`: prompts of the shard of which no reply can be used. None: an older version did not count them."""

    unusable: int | None = None


class GenerationCounts(ShardCounts):
    prompts: int = 0
    responses: int = 0


class JudgmentCounts(ShardCounts):
    responses: int = 0
    votes: int = 0


class ComparisonCounts(BaseCounts):
    """Prompts whose judgments were compared or are unanimous; matches of two judgments, and those with a winner."""

    compared: int = 0
    unanimous: int = 0
    matches: int = 0
    decided: int = 0


class RefinementCounts(ShardCounts):
    trees: int = 0
    solved: int = 0
    nodes: int = 0


class SelectionCounts(BaseCounts):
    """Prompts by outcome, examples of each kind, compared prompts by how they ended, and what the guards measured.

    `examples_used` are all kinds' kept ones less those that were too long; None where no refiner is trained. A figure
    over no rows is not written.
    """

    PREFIXES: ClassVar[Mapping[str, str]] = {"outcomes": "outcome_", "judge_pairs": "judge_pairs_"}
    EXAMPLES: ClassVar[str] = "examples_"
    GUARD: ClassVar[str] = "guard."
    outcomes: Mapping[str, int] = {}
    judge_pairs: Mapping[str, int] = {}
    examples: Mapping[str, ExampleCounts] = {}
    examples_too_long: int | None = None
    examples_used: int | None = None
    guards: Mapping[Guard, Figure] = {}

    @classmethod
    def _fields_of(cls, counts: Mapping[str, float]) -> dict[str, object]:
        by_kind = _grouped(_under(cls.EXAMPLES, counts))
        measured = (guard for guard in Guard if f"{cls.GUARD}{guard}.rows" in counts)
        return {
            **super()._fields_of(counts),
            "examples": {kind: _example_fields(numbers) for kind, numbers in by_kind.items()},
            "guards": {
                guard: {"value": counts[f"{cls.GUARD}{guard}"], "rows": counts[f"{cls.GUARD}{guard}.rows"]}
                for guard in measured
            },
        }

    def flat(self) -> dict[str, float]:
        written = super().flat()
        for kind, each in self.examples.items():
            numbers = {"candidates": each.candidates, "kept": each.kept, **each.dropped}
            written |= {f"{self.EXAMPLES}{kind}.{name}": float(number) for name, number in numbers.items()}
        for guard, figure in self.guards.items():
            if figure.rows:
                written |= {f"{self.GUARD}{guard}": figure.value, f"{self.GUARD}{guard}.rows": float(figure.rows)}
        return written


class TrainingCounts(BaseCounts):
    """`step_seconds`: of one optimizer step, without loading and saving; None if fewer than two were heard of."""

    samples: int = 0
    too_long: int = 0
    steps: int = 0
    tokens: int = 0
    resumed_from: int = 0
    step_seconds: float | None = None
    loss: float | None = None


class ScoreCounts(BaseCounts):
    """A benchmark's scores by name, in percent (levels are levels)."""

    PREFIXES: ClassVar[Mapping[str, str]] = {"scores": "score."}
    scores: Mapping[str, float] = {}


class MeasureCounts(BaseCounts):
    """One measure of a suite. `failures`: items whose reply could not be used; they count as wrong."""

    rate: float
    correct: int
    total: int
    failures: int


class SuiteCounts(BaseCounts):
    """A suite's measures by name. The rate is stored under the measure's own name."""

    measures: Mapping[str, MeasureCounts] = {}

    @classmethod
    def _fields_of(cls, counts: Mapping[str, float]) -> dict[str, object]:
        measures = _grouped(counts)
        return {"measures": {name: {"rate": counts[name], **numbers} for name, numbers in measures.items()}}

    def flat(self) -> dict[str, float]:
        written: dict[str, float] = {}
        for name, each in self.measures.items():
            numbers = each.flat()
            written[name] = numbers.pop("rate")
            written |= {f"{name}.{part}": number for part, number in numbers.items()}
        return written


class AuditCounts(BaseCounts):
    """What rules found of the refiner's judging, for each source of which it judged anything."""

    sources: Mapping[AuditSource, AuditFigures] = {}

    @classmethod
    def _fields_of(cls, counts: Mapping[str, float]) -> dict[str, object]:
        found = {source: _under(f"{source}.", counts) for source in AuditSource}
        return {"sources": {source: figures for source, figures in found.items() if "gap" in figures}}

    def flat(self) -> dict[str, float]:
        return {
            f"{source}.{name}": float(number)
            for source, figures in self.sources.items()
            for name, number in asdict(figures).items()
            if number is not None
        }


class EvolveCounts(BaseCounts):
    prompts: int = 0
    evolved: int = 0


class ValidateCounts(BaseCounts):
    prompts: int = 0
    passed: int = 0


def _under(prefix: str, counts: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix(prefix): number for name, number in counts.items() if name.startswith(prefix)}


def _grouped(counts: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """NAME.PART by name and part; a name without a part is in no group."""
    groups: dict[str, dict[str, float]] = {}
    for key, number in counts.items():
        name, dot, part = key.rpartition(".")
        if dot:
            groups.setdefault(name, {})[part] = number
    return groups


def _example_fields(numbers: Mapping[str, float]) -> dict[str, object]:
    whole = {name: numbers.get(name, 0) for name in ("candidates", "kept")}
    return {**whole, "dropped": {name: number for name, number in numbers.items() if name not in whole}}
