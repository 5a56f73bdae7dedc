"""`spar compare`: runs side by side, of one home or several. Rejects runs whose measurements differ in kind."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.console import out, print_warning
from spar.cli.status import JsonOption
from spar.cli.tables import print_wide
from spar.db.runs import list_runs
from spar.embedded.home import Home
from spar.embedded.homes import FoundRun, find_run, reading
from spar.errors import DataError
from spar.messages.states import RunStatus

if TYPE_CHECKING:
    from spar.report.comparison.model import Comparison
    from spar.report.comparison.reading import MeasuredRun

PAGE = "comparison.html"
PILOT = "-pilot-"
"""In the ids of pilot runs, which are compared only if named."""

RunsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Run ids, recipes (all their runs), homes, or HOME:RUN. The first is the baseline."
    ),
]
DirOption = Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="The home of runs given without one.")]
MeasureOption = Annotated[
    str | None,
    typer.Option(
        "--measure",
        metavar="NAME",
        help="The score for costs and plots. [default: actor.accuracy, or the first benchmark]",
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help=f"Where to write the page. [default: {PAGE} in the first run's home]"),
]
LatexOption = Annotated[Path | None, typer.Option("--latex", metavar="FILE", help="Write the table for LaTeX.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every number as CSV.")]


def compare(
    runs: RunsArgument,
    directory: DirOption = None,
    measure: MeasureOption = None,
    html: HtmlOption = None,
    latex: LatexOption = None,
    csv: CsvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs on the same items: gains, differences, shared work, cost per point."""
    from spar.report.comparison.build import build_comparison
    from spar.report.comparison.page import render_comparison
    from spar.report.comparison.tables import as_csv, as_latex

    named = [found for run in runs for found in _find(run, directory)]
    found = build_comparison(_read(named), measure)
    page = html or named[0].home.runs / PAGE
    for path, text in ((page, render_comparison), (latex, as_latex), (csv, as_csv)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(found), encoding="utf-8")
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    _print(found)
    for path in (page, latex, csv):
        if path is not None:
            out.print(f"{path.suffix.lstrip('.') or 'file'}: {path}", markup=False, soft_wrap=True)


def _find(run: str, directory: Path | None) -> list[FoundRun]:
    """HOME:RUN names both; a home's folder, its newest run; a recipe's name, all its finished runs."""
    home, colon, run_id = run.rpartition(":")
    if colon and not Path(run).exists():
        if not Path(home).is_dir():
            raise DataError(f"{home} in {run} is no directory.", "Write HOME:RUN with the run's directory.")
        return _named(run_id, Path(home))
    return _named(run, None if Path(run).is_dir() else directory)


def _named(run: str, directory: Path | None) -> list[FoundRun]:
    if directory is not None:
        home = Home(directory)
        with reading(home) as session:
            ended = [each for each in list_runs(session) if each.status is RunStatus.FINISHED]
        mine = [each.run_id for each in reversed(ended) if each.recipe == run and PILOT not in each.run_id]
        if mine:
            return [FoundRun(home, run_id, newest=False) for run_id in mine]
    return [find_run(run, directory)]


def _read(named: Sequence[FoundRun]) -> "list[MeasuredRun]":
    from spar.report.comparison.reading import read_run
    from spar.store.directory import DirectoryStore

    measured = []
    for each in named:
        with reading(each.home) as session:
            measured.append(read_run(session, DirectoryStore(each.home.store), each.run_id, str(each.home.root)))
    return measured


def _print(found: "Comparison") -> None:
    from spar.report.comparison.page import comparison_headline
    from spar.report.comparison.tables import terminal_tables

    out.print(comparison_headline(found), style="bold", markup=False)
    for table in terminal_tables(found):
        print_wide(table)
        out.print()
    for note in found.notes:
        print_warning(note)
