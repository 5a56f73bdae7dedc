"""What to do about a run that has not finished, in a sentence with a command that can be pasted. Pure."""

from collections.abc import Sequence

from spar.commands import command
from spar.messages.states import RunStatus

RAISE = "Raise the cap that was reached"


def next_step(status: RunStatus, reason: str | None, run_id: str, where: Sequence[str] = ()) -> str | None:
    """`where` are the options that say where the run is, such as --dir DIR. None where there is nothing to do."""
    resume = command("resume", run_id, *where)
    match status:
        case RunStatus.INTERRUPTED:
            return f"No process works on it; nothing that was done is lost. Resume it: {resume}"
        case RunStatus.CANCELLED:
            return f"Everything is kept. Resume it: {resume}"
        case RunStatus.FAILED:
            return f"Mend what the reason names, then resume it: {resume}"
        case RunStatus.STOPPED if (reason or "").startswith("budget"):
            return f"{RAISE}: {command('resume', run_id, *where, '--set')} budget.KEY=VALUE"
        case RunStatus.STOPPED:
            return f"Change what the reason names, then resume it: {resume}"
        case _:
            return None


def next_step_on_stack(status: RunStatus, reason: str | None, run_id: str) -> str | None:
    """As `next_step`, of a run that a coordinator of its own works on."""
    if status is RunStatus.INTERRUPTED:
        return "No coordinator is running; nothing that was done is lost. Start it, and the run resumes by itself."
    return next_step(status, reason, run_id)
