"""`spar runs`: lists the runs of the API, or of the local homes."""

import dataclasses
import json
from collections.abc import Iterable
from datetime import datetime

import typer
from rich.table import Table
from rich.text import Text

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, JsonOption
from spar.cli.tables import print_wide
from spar.db.runs import RunSummary, list_runs
from spar.embedded.homes import homes, reading
from spar.recipes.init import iteration_name


def runs(directory: DirOption = None, api: ApiOption = None, as_json: JsonOption = False) -> None:
    """List the runs, newest first."""
    if api and directory is None:
        with connect(api) as server:
            found = [("", run) for run in server.runs()]
    else:
        found = []
        for home in homes(directory):
            with reading(home) as session:
                found += [(str(home.root), run) for run in list_runs(session, at_work=home.in_use())]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(run) for _, run in found], default=str, indent=2))
        return
    if not found:
        out.print("no run yet")
        return
    print_wide(_table(found))


def _table(found: Iterable[tuple[str, RunSummary]]) -> Table:
    table = Table("run", "status", "iteration", "created", "ended", "directory", box=None, pad_edge=False)
    for home, run in found:
        place = f"{run.iteration} of {run.iterations}"
        cells = (run.run_id, run.status, iteration_name(run.iteration) if run.initialising else place)
        table.add_row(*map(Text, cells), Text(_time(run.created_at)), Text(_time(run.finished_at)), Text(home))
    return table


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
