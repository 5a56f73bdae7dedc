"""The result of scoring one file of responses. Knows no benchmark and no file format.

Scores and intervals are percentages, except where a benchmark counts levels. A table is one row per category;
`items` are the scored rows themselves, kept for reading and for comparing two models item by item.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spar.errors import DataError
from spar.evaluation.statistics import Difference, Proportion, paired_difference

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Table:
    """One breakdown: its name, its columns (the first names the category), and a row per category."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One item of a benchmark, scored. Two models are compared by `correct`; `detail` is for people to read."""

    key: str
    correct: bool
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """`settings` holds whatever changes a score: checker versions, seeds, the digests of data and responses."""

    benchmark: str
    counts: Mapping[str, int]
    scores: Mapping[str, float]
    intervals: Mapping[str, Interval]
    tables: Sequence[Table]
    items: Sequence[ScoredItem]
    settings: Mapping[str, str | int]
    warnings: Sequence[str] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Everything except the items, which have their own file."""
        return {
            "benchmark": self.benchmark,
            "counts": dict(self.counts),
            "scores": {name: round(value, 4) for name, value in self.scores.items()},
            "intervals": {name: [round(low, 4), round(high, 4)] for name, (low, high) in self.intervals.items()},
            "tables": {
                table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in self.tables
            },
            "settings": dict(self.settings),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as a run's result or a folder stores it: `report` is `as_json`, `items` are the scored rows."""

    report: dict[str, Any]
    items: tuple[dict[str, Any], ...]

    @property
    def correct(self) -> dict[str, bool]:
        return {str(item["item"]): bool(item["correct"]) for item in self.items}


def keep(report: BenchmarkReport) -> KeptReport:
    return KeptReport(report.as_json(), tuple(item_json(item) for item in report.items))


def item_json(item: ScoredItem) -> dict[str, Any]:
    return {"item": item.key, "correct": item.correct, **item.detail}


def strategy_in(settings: Mapping[str, str | int]) -> str:
    """The strategy that a report's settings name; the actor alone if they name none."""
    return str(json.loads(str(settings.get("strategy", '"actor"'))))


def percent(proportion: Proportion) -> float:
    return 100 * proportion.rate


def percent_interval(proportion: Proportion) -> Interval:
    low, high = proportion.interval
    return 100 * low, 100 * high


def compare(before: BenchmarkReport, after: BenchmarkReport) -> Difference:
    """How many more points of correct items `after` has, over the same items. Raises DataError if they differ."""
    return compare_items(keep(before).correct, keep(after).correct)


def compare_items(before: Mapping[str, bool], after: Mapping[str, bool]) -> Difference:
    """The same of stored reports: correct by item."""
    if before.keys() != after.keys():
        alone = sorted(before.keys() ^ after.keys())
        raise DataError(
            f"The two don't score the same items: {len(alone)} are in one only, the first is {alone[0]}.",
            "Compare two that respond to the same items.",
        )
    return paired_difference([before[key] for key in before], [after[key] for key in before])
