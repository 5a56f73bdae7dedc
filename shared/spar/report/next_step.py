"""What to do about a run that has not finished, in words with a command that can be pasted. Pure."""

from collections.abc import Sequence

from spar.commands import command
from spar.db.progress import LostSteps
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import RunStatus

NOTHING_LOST = LostSteps()


def next_step(
    status: RunStatus, end: RunEnd | None, run_id: str, where: Sequence[str] = (), lost: LostSteps = NOTHING_LOST
) -> str | None:
    """`end` is why the run ended early, None where that is not known; `where` are the options that say where the run
    is, such as --dir DIR; `lost` are its dead letters. None where there is nothing to do."""
    resume = resume_command(end, run_id, where)
    match status:
        case RunStatus.INTERRUPTED:
            return f"No process works on it; nothing that was done is lost. Resume it: {resume}"
        case RunStatus.CANCELLED:
            return f"Everything is kept. Resume it: {resume}"
        case RunStatus.FAILED | RunStatus.STOPPED:
            return _after(end, resume, run_id, where)
        case RunStatus.FINISHED if lost.steps:
            return after_losses(lost, run_id, where)
        case _:
            return None


def after_losses(lost: LostSteps, run_id: str, where: Sequence[str] = ()) -> str:
    """The options after a run that finished without some of its steps."""
    steps = "1 step" if lost.steps == 1 else f"{lost.steps} steps"
    return (
        f"It finished without {steps} that failed for good ({lost.prompts} prompts). Once the cause is gone, replay "
        f"them and what follows from them: {command('dead', 'retry', run_id, *where)}; or accept the loss: "
        f"{command('dead', 'drop', run_id, *where)}"
    )


def next_step_on_stack(
    status: RunStatus, end: RunEnd | None, run_id: str, lost: LostSteps = NOTHING_LOST
) -> str | None:
    """As `next_step`, of a run that a coordinator of its own works on."""
    if status is RunStatus.INTERRUPTED:
        return "No coordinator is running; nothing that was done is lost. Start it, and the run resumes by itself."
    return next_step(status, end, run_id, lost=lost)


def resume_command(end: RunEnd | None, run_id: str, where: Sequence[str] = ()) -> str:
    """The command, with a placeholder for the cap if a budget ended the run."""
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
