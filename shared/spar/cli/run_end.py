"""How a run ended, for a terminal: the reason, examples of failed replies, what to do, and the exit code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spar.cli.console import err
from spar.cli.exits import FAILED, STOPPED, STUCK
from spar.db.progress import RunProgress
from spar.messages.endings import EndReason
from spar.messages.states import RunStatus

if TYPE_CHECKING:
    from spar.embedded.home import Home
    from spar.report.failed_replies import FailedReplyExample

SHOWN = 400  # characters of a reply: enough to see its form


def print_end(progress: RunProgress, again: str, examples: Sequence["FailedReplyExample"] = ()) -> int:
    """Print why an unfinished run ended; returns the exit code. `again` says how to resume it, such as "run the same
    command again"."""
    end = progress.end
    if progress.status is RunStatus.FAILED:
        _line(f"run failed: {progress.reason}", "bold red")
    elif progress.stuck is not None:
        _line(f"stuck ({progress.stuck.cause}): {progress.stuck.what}", "bold red")
        _line(f"{progress.stuck.fix} What is done is kept: {again} to resume.")
        return STUCK
    elif progress.status is RunStatus.STOPPED:
        _line(f"stopped: {progress.reason}", "bold yellow")
    else:
        word = "Cancelled" if progress.status is RunStatus.CANCELLED else "Stopped"
        _line(f"{word}. What is done is kept: {again} to resume.")
        return STOPPED
    print_examples(examples)
    if end is None:  # an older version ended it
        _line(f"What is done is kept: {again} to resume.")
        return FAILED if progress.status is RunStatus.FAILED else STOPPED
    if end.fix:
        _line(end.fix)
    _line(f"What is done is kept: {_how(end.reason, again)}.")
    return end.exit_code


def examples_of(progress: RunProgress, home: "Home") -> list["FailedReplyExample"]:
    """Failed replies of a run of this home that stopped because of them; an error is in the reason already."""
    end = progress.end
    if end is None or not end.reason.by_outcomes or (end.reason is EndReason.CANARY and end.failure is not None):
        return []
    from spar.embedded.homes import reading
    from spar.report.failed_replies import failed_replies
    from spar.store.directory import DirectoryStore

    with reading(home) as session:
        return failed_replies(session, DirectoryStore(home.store), progress.run_id)


def print_examples(examples: Sequence["FailedReplyExample"]) -> None:
    for example in examples:
        _line(f"  a {example.requested}, {example.failure}: {_shown(example.text)}")


def _how(reason: EndReason, again: str) -> str:
    match reason:
        case EndReason.BUDGET:
            return f"{again} with a higher budget to resume"
        case EndReason.JUDGE_DRIFT | EndReason.GUARDS:
            return f"{again} with what the reason names changed to resume"
        case _ if reason.by_outcomes:
            return f"once the cause is gone, {again}; only what failed is computed again"
        case _:
            return f"{again} to resume"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else f"{line[:SHOWN]}...")


def _line(text: str, style: str = "") -> None:
    err.print(text, style=style, markup=False, soft_wrap=True)
