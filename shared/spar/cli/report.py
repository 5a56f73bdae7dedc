"""`spar report`: writes the report of a finished or unfinished run, and prints where."""

from pathlib import Path
from typing import Annotated

import typer

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, JsonOption, RunArgument
from spar.embedded.homes import RUNS, find_run
from spar.report.model import RunReport
from spar.report.table import print_table

OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="With --api: where the two files go. [default: runs/<run id>]"),
]


def report(
    run: RunArgument = None,
    directory: DirOption = None,
    api: ApiOption = None,
    to: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's report: one page and one JSON file."""
    made, page = _fetch(api, run, to) if api and directory is None else _write(run, directory)
    if as_json:
        typer.echo(made.model_dump_json(indent=2))
        return
    print_table(made, out)
    out.print(f"report: {page}", markup=False, soft_wrap=True)


def _write(run: str | None, directory: Path | None) -> tuple[RunReport, Path]:
    from spar.embedded.reports import write_report

    found = find_run(run, directory)
    written = write_report(found.home, found.run_id, found.newest, found.home.in_use())
    return written.report, written.page


def _fetch(api: str, run: str | None, to: Path | None) -> tuple[RunReport, Path]:
    with connect(api) as server:
        run_id = server.find(run)
        made, page = server.report(run_id), server.page(run_id)
    folder = to or RUNS / made.run
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(made.model_dump_json(indent=2), encoding="utf-8")
    (folder / "report.html").write_text(page, encoding="utf-8")
    return made, folder / "report.html"
