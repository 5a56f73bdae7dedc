"""A run's public benchmarks for its report: each iteration's scores, and their change from the start.

Knows nothing of how they are run and scored, and draws nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spar.evaluation.benchmarks.report import KeptReport, compare_items, strategy_in
from spar.recipes.benchmarks import RATED_BY_LAST, benchmark_of, in_order, measured_part, shown_of, spoken
from spar.recipes.general import GENERAL
from spar.report.model import BenchmarkMeasures, Change, Interval, RunReport

ITEMS = ("prompts", "items")
"""The names of a benchmark's number of items in its counts: the first that is present."""
Kept = Mapping[str, tuple[str, KeptReport]]
"""By name of the measurement (`ifeval`, `ifeval:bfs`): the key of its result, and its content."""


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One iteration: (score, interval) by column, None where it was not measured, and the change from the start."""

    label: str
    cells: tuple[tuple[float, Interval | None] | None, ...]
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkTable:
    """One measurement's table. `name` is for people: the benchmark, and the strategy unless it is the actor alone;
    `part` is the role that it measures."""

    name: str
    part: str
    columns: tuple[str, ...]
    rows: tuple[BenchmarkRow, ...]
    items: int
    settings: Mapping[str, str | int]
    warnings: Sequence[str]


def measures_of(kept: Kept) -> dict[str, BenchmarkMeasures]:
    fields = ("counts", "scores", "intervals", "tables", "settings", "warnings")
    return {
        name: BenchmarkMeasures.model_validate({**{field: one.report[field] for field in fields}, "result": key})
        for name, (key, one) in kept.items()
    }


def benchmark_changes(measured: Mapping[int, Kept]) -> list[Change]:
    """Each later iteration against the start, over the same items."""
    start = measured.get(0, {})
    return [
        _change(name, index, start[name][1], kept[name][1])
        for index, kept in sorted(measured.items())
        for name in kept
        if index > 0 and name in start
    ]


def _change(name: str, index: int, before: KeptReport, after: KeptReport) -> Change:
    found = compare_items(before.correct, after.correct)
    return Change(
        measure=name,
        before=0,
        after=index,
        points=found.estimate,
        low=found.low,
        high=found.high,
        items=len(after.correct),
    )


def benchmark_tables(report: RunReport, labels: Sequence[str]) -> list[BenchmarkTable]:
    """One table per measurement that any iteration has; its columns are the scores to show that it has."""
    names = dict.fromkeys(name for entry in report.iterations for name in entry.benchmarks)
    return [_table(report, labels, name) for name in in_order(names)]


def _table(report: RunReport, labels: Sequence[str], name: str) -> BenchmarkTable:
    measured = [entry.benchmarks[name] for entry in report.iterations if name in entry.benchmarks]
    benchmark = benchmark_of(name) or name
    columns = tuple(score for score in shown_of(name) if any(score in one.scores for one in measured))
    rows = tuple(
        BenchmarkRow(
            labels[place],
            tuple(_cell(entry.benchmarks[name], column) for column in columns),
            report.change(name, 0, entry.iteration),
        )
        for place, entry in enumerate(report.iterations)
        if name in entry.benchmarks
    )
    last = measured[-1]
    items = next((last.counts[key] for key in (*ITEMS, *columns) if key in last.counts), 0)
    return BenchmarkTable(
        name=_shown(name, benchmark, strategy_in(last.settings)),
        part=measured_part(name),
        columns=columns,
        rows=rows,
        items=items,
        settings=last.settings,
        warnings=last.warnings,
    )


def _shown(name: str, benchmark: str, strategy: str) -> str:
    if name == RATED_BY_LAST or benchmark == GENERAL:
        return spoken(name)
    return benchmark if strategy == "actor" else f"{benchmark} by {strategy}"


def _cell(measures: BenchmarkMeasures, column: str) -> tuple[float, Interval | None] | None:
    if column not in measures.scores:
        return None
    return measures.scores[column], measures.intervals.get(column)
