"""`spar resume`: resumes a cancelled, failed or stopped run, with a higher budget if one is given.

A run of the API resumes in its workers; a home's in this process.
"""

from typing import Annotated

import typer

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, RunArgument
from spar.embedded.homes import find_run, reading
from spar.messages.commands import RESUME

BudgetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change budget.*, failures.* or guards.*; e.g. budget.calls=5000."),
]


def resume(
    run: RunArgument = None, directory: DirOption = None, api: ApiOption = None, set_: BudgetOption = None
) -> None:
    """Resume a run that was cancelled, failed or stopped."""
    if api and directory is None:
        with connect(api) as server:
            run_id = server.find(run)
            server.command(run_id, RESUME, {"set": set_} if set_ else None)
        out.print(f"run {run_id} resumes", markup=False, soft_wrap=True)
        return
    from spar.cli.run import execute_known
    from spar.db.tables import Run
    from spar.recipes.rebudget import changed_sections

    found = find_run(run, directory)
    with reading(found.home) as session:
        changed = changed_sections(session.get_one(Run, found.run_id).recipe, set_ or [])
    raise typer.Exit(execute_known(found.home, found.run_id, found.newest, changed))
