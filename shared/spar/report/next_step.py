"""What to do about a run that has not finished, in words with a command that can be pasted. Pure."""

from collections.abc import Sequence

from spar.commands import command
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import RunStatus


def next_step(status: RunStatus, end: RunEnd | None, run_id: str, where: Sequence[str] = ()) -> str | None:
    """`end` is why the run ended early, None where that is not known; `where` are the options that say where the run
    is, such as --dir DIR. None where there is nothing to do."""
    resume = resume_command(end, run_id, where)
    match status:
        case RunStatus.INTERRUPTED:
            return f"No process works on it; nothing that was done is lost. Resume it: {resume}"
        case RunStatus.CANCELLED:
            return f"Everything is kept. Resume it: {resume}"
        case RunStatus.FAILED | RunStatus.STOPPED:
            return _after(end, resume, run_id, where)
        case _:
            return None


def next_step_on_stack(status: RunStatus, end: RunEnd | None, run_id: str) -> str | None:
    """As `next_step`, of a run that a coordinator of its own works on."""
    if status is RunStatus.INTERRUPTED:
        return "No coordinator is running; nothing that was done is lost. Start it, and the run resumes by itself."
    return next_step(status, end, run_id)


def resume_command(end: RunEnd | None, run_id: str, where: Sequence[str] = ()) -> str:
    """With a place for the cap, where a budget ended the run."""
    resume = command("resume", run_id, *where)
    return f"{resume} --set budget.KEY=VALUE" if end is not None and end.reason is EndReason.BUDGET else resume


def _after(end: RunEnd | None, resume: str, run_id: str, where: Sequence[str]) -> str:
    if end is None:
        return f"Remove the cause, then resume it: {resume}"
    if end.reason is EndReason.BUDGET:
        return f"Raise the cap that was reached: {resume}"
    fix = end.fix or "Remove the cause."
    if end.reason.by_outcomes:
        replies = command("explain", run_id, *where)
        return f"{fix} Read the replies: {replies}; then resume it: {resume}"
    return f"{fix} Then resume it: {resume}"
