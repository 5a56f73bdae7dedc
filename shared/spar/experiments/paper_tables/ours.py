"""`spar reproduce --ours`: our numbers by the rows of the paper's tables, from a file. Unused values are reported.

A row holds numbers by column, a report of `spar eval --json`, or a list of both. Measures nothing, prints nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.benchmarks.report import strategy_in
from spar.experiments.paper_tables.published import TABLES, PublishedTable, read_table
from spar.recipes.benchmarks import LAST_REFINER

Ours = dict[str, dict[str, float]]

ACC_SPAR = "refinement.acc_spar"
SAME: Mapping[str, str] = {"refinement.acc_judge": "refinement.acc_gpt", f"refinement.acc_{LAST_REFINER}": ACC_SPAR}
"""Our columns that the paper has under another name: an outside judge, there GPT-4o; the last refiner, which rates
every row. A refiner's rating of itself is a column of no other row than the last refiner's own."""
OWN = "refinement.acc_self"
OWN_NOTE = (
    f"{OWN} is each refiner's rating of itself; the paper's Acc-SPaR is the last refiner's rating of every row:"
    " name that one with --judge spar=MODEL."
)
SEARCHED = " w/ tree search"
_SHOWN = 6
"""How many names a note lists."""


@dataclass(slots=True)
class Given:
    """Values by row and column, and notes on the values that were not used."""

    ours: Ours = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_ours(path: Path, table: PublishedTable) -> Given:
    """The file's values for this table. Raises DataError for a row that cannot be read or is in no table."""
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Name a JSON file of {row: {column: value}}.") from error
    if not isinstance(raw, dict):
        raise DataError(f"{path} is not a JSON object.", "Name a JSON file of {row: {column: value}}.")
    given = Given()
    for row, parts in raw.items():
        for part in parts if isinstance(parts, list) and parts else [parts]:
            _add(given, path, row, part)
    return _for_table(given, table)


def _add(given: Given, path: Path, row: str, part: Any) -> None:
    columns = _columns(part)
    if columns is None:
        raise DataError(
            f"{path}: the row '{row}' is neither columns with numbers nor reports of 'spar eval --json'.",
            "Write {column: value}, or a list of reports.",
        )
    own = given.ours.setdefault(row, {})
    twice = sorted(own.keys() & columns.keys())
    if twice:
        given.notes.append(f"{row}: {_listed(twice)} is given twice; the last one counts.")
    own.update(columns)
    given.notes += [f"{row}: {note}" for note in _report_notes(row, part)]


def _columns(part: Any) -> dict[str, float] | None:
    """By the paper's names."""
    if not isinstance(part, dict):
        return None
    if _is_report(part):
        part = {f"{part['benchmark']}.{score}": value for score, value in part["scores"].items()}
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in part.values())
    return {SAME.get(column, column): float(value) for column, value in part.items()} if numbers else None


def _is_report(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("benchmark"), str) and isinstance(part.get("scores"), dict)


def _report_notes(row: str, part: Mapping[str, Any]) -> list[str]:
    """The reasons that a report's numbers are not comparable with the paper's."""
    if not _is_report(part):
        return []
    settings, name = part.get("settings") or {}, part["benchmark"]
    notes = [f"{name}: {warning}" for warning in part.get("warnings") or []]
    if "limit" in settings:
        notes.append(
            f"{name} was evaluated on the first {settings['limit']} items only: not comparable with the paper."
        )
    strategy = strategy_in(settings)
    if strategy != "actor" and name != "refinement" and not row.endswith(SEARCHED):
        notes.append(f"{name} was measured by {strategy}, and this row is of responses without a search.")
    return notes


def _for_table(given: Given, table: PublishedTable) -> Given:
    """Only this table's rows and columns; one file may serve several tables."""
    tables = [read_table(number) for number in TABLES]
    rows, columns = {row.model for row in table.rows}, set(table.columns)
    elsewhere = {row.model for each in tables for row in each.rows}
    unknown = sorted(given.ours.keys() - elsewhere)
    if unknown:
        raise DataError(f"Table {table.number} has no row '{unknown[0]}'.", f"Its rows are: {', '.join(sorted(rows))}.")
    notes = list(given.notes)
    if other := sorted(given.ours.keys() - rows):
        notes.append(f"Table {table.number} has no row for {_listed(other)}: not used here.")
    unused = {column for row, own in given.ours.items() if row in rows for column in own} - columns
    published = {column for each in tables for column in each.columns}
    if beside := sorted(unused & published):
        notes.append(f"Table {table.number} has no column for {_listed(beside)}: not used here.")
    if OWN in unused and ACC_SPAR in columns:
        notes.append(OWN_NOTE)
    if nowhere := sorted(unused - published - {OWN}):
        notes.append(f"No table of the paper has a column {_listed(nowhere)}: not used.")
    kept = {row: _only(own, columns) for row, own in given.ours.items() if row in rows}
    return Given(kept, notes)


def _only(own: Mapping[str, float], columns: Iterable[str]) -> dict[str, float]:
    return {column: own[column] for column in columns if column in own}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
