"""`spar cancel`: stops a run of the API or of a home (--dir); nothing is lost."""

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, RunArgument
from spar.embedded.homes import find_run
from spar.errors import ConflictError
from spar.messages.commands import CANCEL, RunCommand


def cancel(run: RunArgument = None, directory: DirOption = None, api: ApiOption = None) -> None:
    """Cancel a run: steps in flight finish, no new step starts, all results are kept."""
    if api and directory is None:
        with connect(api) as server:
            run_id = server.find(run)
            server.command(run_id, CANCEL)
        out.print(
            f"run {run_id} is being cancelled: steps in flight finish; results are kept", markup=False, soft_wrap=True
        )
        return
    from spar.embedded.commands import ask

    found = find_run(run, directory)
    taken = ask(found.home, CANCEL, RunCommand(run_id=found.run_id))
    if taken.error:
        raise ConflictError(f"{taken.error[0].upper()}{taken.error[1:]}.", "See its state: spar status.")
    if taken.by_another:
        state = "is being cancelled by the process that runs it: steps in flight finish"
    else:
        state = "is cancelled: it was not running"
    out.print(f"run {found.run_id} {state}; results are kept", markup=False, soft_wrap=True)
