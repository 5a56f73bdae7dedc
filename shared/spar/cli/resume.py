"""`spar resume`: goes on with a cancelled or failed run. The API's in its workers; a home's in this process."""

import typer

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.homes import find_run
from spar.cli.status import DirOption, RunArgument
from spar.messages.commands import RESUME


def resume(run: RunArgument = None, directory: DirOption = None, api: ApiOption = None) -> None:
    """Go on with a run that was cancelled, failed or stopped."""
    if api and directory is None:
        with connect(api) as server:
            run_id = server.find(run)
            server.command(run_id, RESUME)
        out.print(f"run {run_id} goes on", markup=False, soft_wrap=True)
        return
    from spar.cli.run import execute_known

    found = find_run(run, directory)
    raise typer.Exit(execute_known(found.home, found.run_id, found.newest))
