"""`spar report`: writes a run's report again, finished or not, and says where."""

import typer

from spar.cli.console import out
from spar.cli.homes import find_run
from spar.cli.status import DirOption, JsonOption, RunArgument
from spar.embedded.reports import write_report
from spar.report.table import print_table


def report(run: RunArgument = None, directory: DirOption = None, as_json: JsonOption = False) -> None:
    """Write a run's report: one page and one JSON file."""
    found = find_run(run, directory)
    written = write_report(found.home, found.run_id, found.newest)
    if as_json:
        typer.echo(written.report.model_dump_json(indent=2))
        return
    print_table(written.report, out)
    out.print(f"report: {written.page}", markup=False, soft_wrap=True)
