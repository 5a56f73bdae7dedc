"""`spar reproduce`: a table of the paper beside our numbers. Measures nothing itself."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as Grid

from spar.cli.console import out, print_warning
from spar.cli.reproduce_figures import reproduce_figure
from spar.cli.status import DirOption
from spar.cli.tables import print_wide
from spar.embedded.reports import report_of
from spar.errors import DataError
from spar.experiments.paper_tables.ours import Given, read_ours
from spar.experiments.paper_tables.published import (
    PublishedCell,
    PublishedRow,
    PublishedTable,
    beside,
    gains,
    mismatches,
    read_table,
)
from spar.experiments.paper_tables.scores import RunScores, scores_of_run


def reproduce(
    table: Annotated[
        str,
        typer.Argument(
            help="table1 to table8, or just the number; figure1, figure3, figure4, figure5.", metavar="TABLE"
        ),
    ],
    ours: Annotated[
        Path | None,
        typer.Option(
            "--ours",
            help="JSON keyed by the table's row names: {row: {column: value}}, or {row: [output of spar eval --json]}.",
        ),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            metavar="[NAME=]RUN",
            help="A run with benchmarks: its id, directory or report.json; repeatable for a figure.",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option("--as", help="The rows that the run reproduces, such as SPaR-8B, or one row's full name."),
    ] = None,
    directory: DirOption = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Output page of a figure. [default: figureN.html]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a table of the paper beside our numbers, with differences and what was not run; or draw a figure."""
    if table.lower().startswith("figure"):
        if rows is not None:
            raise DataError("--as names rows of a table; a figure has none.", "Name curves: --run NAME=RUN.")
        reproduce_figure(_number(table, "figure"), runs or [], ours, directory, page, as_json)
        return
    if page is not None or len(runs or []) > 1:
        raise DataError("A table takes one --run and no --page.", "Name one run; --page is for figures.")
    published = read_table(_number(table))
    found = scores_of_run(report_of(runs[0], directory), published, rows) if runs else RunScores()
    given = Given() if ours is None else read_ours(ours, published)
    merged = {row: found.ours.get(row, {}) | given.ours.get(row, {}) for row in {**found.ours, **given.ours}}
    cells = beside(published, merged)
    notes = [*found.notes, *given.notes]
    if as_json:
        typer.echo(json.dumps(_json(published, cells) | {"notes": notes}, ensure_ascii=False))
        return
    _print(published, cells)
    for note in notes:
        print_warning(note)


def _number(named: str, kind: str = "table") -> int:
    digits = named.lower().removeprefix(kind).strip()
    if not digits.isascii() or not digits.isdigit():
        raise DataError(f"'{named}' is not a {kind}.", "Write such as table1 (to table8), 1, or figure1.")
    return int(digits)


def _not_run(row: PublishedRow, cells: Mapping[str, PublishedCell]) -> dict[str, Any] | None:
    columns = [column for column, cell in cells.items() if cell.ours is None]
    return {"model": row.model, "columns": columns} if columns else None


def _gaps(table: PublishedTable, cells: Sequence[Mapping[str, PublishedCell]]) -> list[dict[str, Any]]:
    gaps = [_not_run(row, own) for row, own in zip(table.rows, cells, strict=True)]
    return [gap for gap in gaps if gap is not None]


def _json(table: PublishedTable, cells: Sequence[Mapping[str, PublishedCell]]) -> dict[str, Any]:
    return {
        "table": table.number,
        "caption": table.caption,
        "columns": list(table.columns),
        "rows": [_row_json(row, own) for row, own in zip(table.rows, cells, strict=True)],
        "gains": {
            row.model: {"theirs": gain.theirs, "ours": None if gain.ours is None else round(gain.ours, 4)}
            for row, gain in zip(table.rows, gains(table, cells), strict=True)
            if gain is not None
        },
        "not_run": _gaps(table, cells),
        "mismatches": [
            {
                "model": found.model,
                "column": found.column,
                "printed": found.printed,
                "recomputed": round(found.recomputed, 4),
            }
            for found in mismatches(table)
        ],
    }


def _row_json(row: PublishedRow, cells: Mapping[str, PublishedCell]) -> dict[str, Any]:
    return {
        "model": row.model,
        "backbone": row.backbone,
        "relative_to": row.relative_to,
        "note": row.note,
        "cells": {
            column: {
                "theirs": cell.theirs,
                "ours": cell.ours,
                "difference": None if cell.difference is None else round(cell.difference, 4),
            }
            for column, cell in cells.items()
        },
    }


def _print(table: PublishedTable, cells: Sequence[Mapping[str, PublishedCell]]) -> None:
    out.print(f"Table {table.number}: {table.caption}", soft_wrap=True)
    grid = Grid("model", "", box=None)
    for column in table.columns:
        grid.add_column(column.replace(".", "\n"), justify="right", no_wrap=True)
    for row, own in zip(table.rows, cells, strict=True):
        grid.add_row(row.model, "theirs", *(f"{cell.theirs:.1f}" for cell in own.values()))
        if any(cell.ours is not None for cell in own.values()):
            grid.add_row("", "ours", *(_shown(cell.ours, "") for cell in own.values()))
            grid.add_row("", "difference", *(_shown(cell.difference, "+") for cell in own.values()))
    print_wide(grid)
    for row, gain in zip(table.rows, gains(table, cells), strict=True):
        if gain is not None:
            out.print(f"gain of {row.model}: theirs {gain.theirs:+.1f}, ours {_shown(gain.ours, '+')}", markup=False)
    _print_gaps(table, cells)
    for found in mismatches(table):
        print_warning(
            f"The paper prints {found.printed:.1f} as {found.column} of {found.model}; its parts give"
            f" {found.recomputed:.2f}."
        )


def _shown(value: float | None, sign: str) -> str:
    return "-" if value is None else f"{value:{sign}.1f}"


def _print_gaps(table: PublishedTable, cells: Sequence[Mapping[str, PublishedCell]]) -> None:
    gaps = _gaps(table, cells)
    whole = [gap["model"] for gap in gaps if len(gap["columns"]) == len(table.columns)]
    if whole:
        out.print(f"not run: {'; '.join(whole)}", soft_wrap=True, markup=False)
    for gap in gaps:
        if gap["model"] not in whole:
            out.print(f"not run for {gap['model']}: {', '.join(gap['columns'])}", soft_wrap=True, markup=False)
