"""`spar eval`: score a file of responses on a public benchmark. Asks no model."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid

from spar.cli.console import out, print_warning
from spar.cli.tables import print_wide
from spar.errors import DataError
from spar.evaluation.benchmarks import BENCHMARKS
from spar.evaluation.benchmarks.report import BenchmarkReport, Table, compare
from spar.evaluation.statistics import Difference

ROWS = "; ".join(f"{name}: {{{benchmark.row}}}" for name, benchmark in BENCHMARKS.items())


def evaluate(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(BENCHMARKS)}.", metavar="NAME")],
    answers: Annotated[Path, typer.Option("--answers", help=f"Rows to score, as JSON lines. {ROWS}.")],
    data: Annotated[Path, typer.Option("--data", help="The benchmark's file or folder.")],
    against: Annotated[
        Path | None, typer.Option("--against", help="Rows of another model: how much better are those of --answers?")
    ] = None,
    items: Annotated[Path | None, typer.Option("--items", help="Write every scored item here, as JSON lines.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Score what is there; by default all must be.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score responses that are there already on a public benchmark."""
    if name not in BENCHMARKS:
        raise DataError(f"There is no benchmark '{name}'.", f"Choose one of: {', '.join(BENCHMARKS)}.")
    report = BENCHMARKS[name].score(answers, data, partial)
    difference = None
    if against is not None:
        difference = compare(BENCHMARKS[name].score(against, data, partial), report)
    if items is not None:
        _write_items(items, report)
    if as_json:
        typer.echo(json.dumps(report.as_json() | _difference_json(difference), ensure_ascii=False))
        return
    _print(report)
    if difference is not None:
        out.print(f"against {against}: {_points(difference)} points of correct items", soft_wrap=True, markup=False)


def _difference_json(difference: Difference | None) -> dict[str, dict[str, float]]:
    if difference is None:
        return {}
    return {"against": {"estimate": difference.estimate, "low": difference.low, "high": difference.high}}


def _points(difference: Difference) -> str:
    return f"{difference.estimate:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def _write_items(path: Path, report: BenchmarkReport) -> None:
    with path.open("w", encoding="utf-8") as file:
        for item in report.items:
            row = {"item": item.key, "correct": item.correct, **item.detail}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _print(report: BenchmarkReport) -> None:
    out.print(
        f"{report.benchmark}: " + ", ".join(f"{value} {name}" for name, value in report.counts.items()), soft_wrap=True
    )
    scores = Grid("score", "value", "95% interval", box=None)
    for name, value in report.scores.items():
        interval = report.intervals.get(name)
        scores.add_row(name, f"{value:.2f}", "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}")
    print_wide(scores)
    for table in report.tables:
        print_wide(_grid(table))
    for warning in report.warnings:
        print_warning(warning)


def _grid(table: Table) -> Grid:
    grid = Grid(*table.columns, box=None, title=table.name, title_justify="left")
    for row in table.rows:
        grid.add_row(*(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row))
    return grid
