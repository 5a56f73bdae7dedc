"""A run's benchmark scores by the row names of the paper's tables: which iteration corresponds to which model.

Reads a finished report; measures nothing, prints nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from spar.errors import DataError
from spar.evaluation.benchmarks.report import strategy_in
from spar.experiments.paper_tables.ours import ACC_SPAR, OWN, SAME, SEARCHED
from spar.experiments.paper_tables.published import PublishedTable
from spar.recipes.benchmarks import RATED_BY_LAST, benchmark_of, spoken
from spar.recipes.init import iteration_name
from spar.report.model import BenchmarkMeasures, IterationReport, RunReport

FAMILIES: Mapping[str, str] = {
    "llama3-8b": "SPaR-8B",
    "mistral-7b": "SPaR-7B",
    "glm-4-9b": "SPaR-9B",
    "llama3-70b": "SPaR-70B",
}
"""The paper's rows for a run of these recipes."""
TREES = ("bfs", "dfs")
_ITERATION = re.compile(r"-(?:DPO|RFT)-iter\d+.*$|-SFT$")


@dataclass(slots=True)
class RunScores:
    """Values by row and column, and notes that a reader needs to compare them."""

    ours: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def scores_of_run(report: RunReport, table: PublishedTable, rows: str | None) -> RunScores:
    """`rows` is a family such as SPaR-8B, or one row's whole name for the run's last iteration. Raises DataError."""
    measured = [entry for entry in report.iterations if entry.benchmarks]
    if not measured:
        raise DataError(
            f"Run {report.run} has measured no benchmark.",
            "Name some in its recipe's evaluation.benchmarks, or use --ours with results of spar eval.",
        )
    family = rows or FAMILIES.get(report.recipe_name)
    known = {row.model for row in table.rows}
    if family is None or (family not in known and family not in _families(table)):
        raise DataError(
            f"Table {table.number} has no rows '{family}'." if family else "No rows to compare with are named.",
            f"Name them with --as: {', '.join(sorted(_families(table)))}, or one whole row.",
        )
    found = RunScores(notes=_partial_notes(measured))
    for entry in measured[-1:] if family in known else measured:
        _place(found, entry, family, known, report.planned_iterations)
    for values in found.ours.values():
        _add_means(values, table)
    if ACC_SPAR in table.columns:
        found.notes += _unrated_notes(found)
    return found


def _families(table: PublishedTable) -> set[str]:
    return {_ITERATION.sub("", row.model) for row in table.rows if _ITERATION.search(row.model)}


def _place(found: RunScores, entry: IterationReport, family: str, known: set[str], planned: int) -> None:
    """Each measurement's scores in the row of its iteration: only a tree search has a separate row."""
    for part, measures in entry.benchmarks.items():
        strategy = strategy_in(measures.settings)
        row = _row(family, entry.iteration, known, strategy)
        name, by = benchmark_of(part) or part, "" if strategy == "actor" else f" by {strategy}"
        columns = _columns(name, measures, part == RATED_BY_LAST, entry.iteration == planned)
        if row is None:
            when = (
                f"iteration {entry.iteration}"
                if entry.iteration > 0
                else f"the {iteration_name(entry.iteration, True)}"
            )
            found.notes.append(f"The table has no row for {name}{by} at {when}.")
        elif columns.keys() & found.ours.get(row, {}).keys():
            found.notes.append(f"{name}{by} is left out: {row} has another search's numbers.")
        else:
            found.ours.setdefault(row, {}).update(columns)


def _row(family: str, iteration: int, known: set[str], strategy: str) -> str | None:
    if family in known:
        return family if _stands_for(family, strategy) else None
    if strategy not in ("actor", *TREES):
        return None
    suffix = "" if strategy == "actor" else SEARCHED
    endings = [f"-DPO-iter{iteration}", f"-RFT-iter{iteration}"] if iteration else ["-SFT"]
    return next((row for ending in endings if (row := f"{family}{ending}{suffix}") in known), None)


def _stands_for(row: str, strategy: str) -> bool:
    return strategy in TREES if row.endswith(SEARCHED) else strategy == "actor"


def _columns(name: str, measures: BenchmarkMeasures, rated_by_last: bool, is_last: bool) -> dict[str, float]:
    """By the paper's names. From the measurement by the last refiner only its rating is added."""
    columns = {f"{name}.{score}": value for score, value in measures.scores.items()}
    named = {SAME.get(column, column): value for column, value in columns.items()}
    if rated_by_last:
        return {column: value for column, value in named.items() if column == ACC_SPAR}
    return named | {ACC_SPAR: columns[OWN]} if is_last and OWN in columns else named


def _add_means(values: dict[str, float], table: PublishedTable) -> None:
    """A table's means of scores that were measured separately."""
    for column, parts in table.means.items():
        found = [values[part] for part in parts if part in values]
        if column not in values and len(found) == len(parts):
            values[column] = sum(found) / len(found)


def _unrated_notes(found: RunScores) -> list[str]:
    rows = [row for row, values in found.ours.items() if OWN in values and ACC_SPAR not in values]
    return [
        f"Acc-SPaR of {row} is the last refiner's rating, which this run lacks; its own rating is not comparable."
        for row in rows
    ]


def _partial_notes(measured: list[IterationReport]) -> list[str]:
    notes = []
    for name, measures in measured[-1].benchmarks.items():
        if "limit" in measures.settings:
            notes.append(
                f"{spoken(name)} was evaluated on the first {measures.settings['limit']} items only: not comparable"
                " with the paper."
            )
        notes += [f"{spoken(name)}: {warning}" for warning in measures.warnings]
    return notes
