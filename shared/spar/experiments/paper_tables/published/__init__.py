"""The numbers of arXiv 2412.11605, Tables 1 to 8, as data, and ours beside them. Knows no run and no file of ours.

tableN.json holds the printed values: rows of values by column, where a column is `benchmark.score` as `spar eval` names
it. Rows of an ablation are printed as changes against another row (`relative_to`); they are read as values. `means`
lists the columns that are means of others, so that the table can be checked for consistency.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from spar.errors import DataError

TABLES = (1, 2, 3, 4, 5, 6, 7, 8)
TOLERANCE = 0.1
"""How far a printed mean may lie from the mean of its printed parts: all are rounded to one digit."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One model of a table. `stated` is what is printed where that is a change against another row."""

    model: str
    backbone: str
    values: Mapping[str, float]
    relative_to: str | None = None
    stated: Mapping[str, float] | None = None
    gain: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    number: int
    caption: str
    columns: tuple[str, ...]
    means: Mapping[str, tuple[str, ...]]
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A printed mean that its printed parts do not give."""

    table: int
    model: str
    column: str
    printed: float
    recomputed: float


@dataclass(frozen=True, slots=True)
class PublishedCell:
    """One number of the paper and ours, if we have one."""

    theirs: float
    ours: float | None

    @property
    def difference(self) -> float | None:
        return None if self.ours is None else self.ours - self.theirs


def read_table(number: int) -> PublishedTable:
    """One of the tables. Raises DataError for a number that is none of theirs."""
    if number not in TABLES:
        raise DataError(f"There is no published table {number}.", f"Choose one of: {', '.join(map(str, TABLES))}.")
    raw = json.loads((files(__name__) / f"table{number}.json").read_text(encoding="utf-8"))
    by_model = {row["model"]: row for row in raw["rows"]}
    return PublishedTable(
        number=number,
        caption=raw["caption"],
        columns=tuple(raw["columns"]),
        means={mean["column"]: tuple(mean["of"]) for mean in raw["means"]},
        rows=tuple(_row(row, by_model) for row in raw["rows"]),
    )


def _row(raw: Mapping[str, Any], by_model: Mapping[str, Mapping[str, Any]]) -> PublishedRow:
    printed: dict[str, float] = raw["values"]
    relative_to = raw.get("relative_to")
    values = printed
    if relative_to is not None:
        base = by_model[relative_to]["values"]
        values = {column: round(base[column] + change, 1) for column, change in printed.items()}
    return PublishedRow(
        model=raw["model"],
        backbone=raw["backbone"],
        values=values,
        relative_to=relative_to,
        stated=printed if relative_to is not None else None,
        gain=raw.get("gain"),
        note=raw.get("note", ""),
    )


def mismatches(table: PublishedTable) -> list[Mismatch]:
    """The printed means that lie more than a rounding off the mean of their printed parts."""
    found = []
    for row in table.rows:
        for column, parts in table.means.items():
            recomputed = sum(row.values[part] for part in parts) / len(parts)
            if abs(recomputed - row.values[column]) > TOLERANCE + _ROUNDING:
                found.append(
                    Mismatch(
                        table=table.number,
                        model=row.model,
                        column=column,
                        printed=row.values[column],
                        recomputed=recomputed,
                    )
                )
    return found


def beside(table: PublishedTable, ours: Mapping[str, Mapping[str, float]]) -> list[dict[str, PublishedCell]]:
    """Per row of the table, its cells by column. `ours` is by the table's own row and column names; others are an
    error, because a misspelt one would look like something that was not run. Whole columns of other benchmarks
    are let pass: one file of ours serves several tables."""
    known = {row.model for row in table.rows}
    unknown = sorted(ours.keys() - known)
    if unknown:
        raise DataError(
            f"Table {table.number} has no row '{unknown[0]}'.", f"Its rows are: {', '.join(sorted(known))}."
        )
    mine: Sequence[Mapping[str, float]] = [ours.get(row.model, {}) for row in table.rows]
    return [
        {column: PublishedCell(row.values[column], own.get(column)) for column in table.columns}
        for row, own in zip(table.rows, mine, strict=True)
    ]


def gains(
    table: PublishedTable, cells: Sequence[Mapping[str, PublishedCell]], column: str = "general.average"
) -> list[PublishedCell | None]:
    """Per row, how much the mean rose over the first row of its backbone, theirs as it is printed; None where the
    paper prints no gain. Ours needs both rows."""
    first: dict[str, PublishedCell] = {}
    found: list[PublishedCell | None] = []
    for row, own in zip(table.rows, cells, strict=True):
        if row.gain is None:
            if column in own:
                first.setdefault(row.backbone, own[column])
            found.append(None)
            continue
        start, mine = first[row.backbone].ours, own[column].ours
        found.append(PublishedCell(row.gain, None if start is None or mine is None else mine - start))
    return found
