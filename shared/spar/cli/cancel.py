"""`spar cancel`: stops a run so that nothing is lost. Of the API, or of a home (--dir)."""

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, RunArgument
from spar.embedded.homes import find_run
from spar.errors import ConflictError
from spar.messages.commands import CANCEL, RunCommand


def cancel(run: RunArgument = None, directory: DirOption = None, api: ApiOption = None) -> None:
    """Cancel a run: what is in flight ends, nothing new begins, everything is kept."""
    if api and directory is None:
        with connect(api) as server:
            run_id = server.find(run)
            server.command(run_id, CANCEL)
        out.print(
            f"run {run_id} is being cancelled: what is in flight ends, everything is kept", markup=False, soft_wrap=True
        )
        return
    from spar.embedded.commands import ask

    found = find_run(run, directory)
    taken = ask(found.home, CANCEL, RunCommand(run_id=found.run_id))
    if taken.error:
        raise ConflictError(f"{taken.error[0].upper()}{taken.error[1:]}.", "See how it stands: spar status.")
    if taken.by_another:
        told = "is being cancelled: the process that runs there takes it up; what is in flight ends"
    else:
        told = "is cancelled: nothing of it was running"
    out.print(f"run {found.run_id} {told}; everything is kept", markup=False, soft_wrap=True)
