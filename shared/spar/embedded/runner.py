"""Runs a recipe in this process to its end, reporting its progress to a watcher. Ctrl-C stops it; the next call resumes
it."""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from spar.data.readers.prompts import Reject
from spar.db.commands import append_command
from spar.db.progress import RunProgress, read_progress
from spar.db.tables import Command, Run
from spar.embedded.home import Home
from spar.embedded.staging import Staged
from spar.embedded.system import EmbeddedSystem
from spar.errors import AccountingError
from spar.messages.commands import CANCEL, RESUME, ResumeCommand, RunCommand
from spar.messages.states import RunStatus
from spar.recipes.rebudget import ChangedSections
from spar.submission.prepare import Prepared, submit

REFRESH_S = 0.2


@dataclass(frozen=True, slots=True)
class RunWatcher:
    """What to call while a run is in progress: once it is submitted, and at each check."""

    submitted: Callable[[str, Sequence[Reject], Sequence[str]], None]
    """Given the run's id, the unusable rows of the prompts file, and what is left out of usable ones."""
    looked: Callable[[Session, RunProgress], None]


def run_to_end(staged: Staged, home: Home, watcher: RunWatcher, stop: threading.Event) -> RunProgress:
    """Submit what is staged and wait until its run has ended, or `stop` is set. The home must be locked.

    Returns the last look at the run.
    """
    with EmbeddedSystem(home) as system:
        staged.copy_to(system.store)
        home.run_folder(staged.prepared.submission.run_id).mkdir(parents=True, exist_ok=True)
        return submission_to_end(system, staged.prepared, watcher, stop)


def submission_to_end(
    system: EmbeddedSystem, prepared: Prepared, watcher: RunWatcher, stop: threading.Event
) -> RunProgress:
    """As `run_to_end`, of what has been prepared."""
    run_id = prepared.submission.run_id
    watcher.submitted(run_id, prepared.rejects, prepared.notes)
    if not _is_finished(system, run_id):
        _set_others_aside(system, run_id)
        # A failed run becomes queued by the command; until then its old end must not be taken for the new one.
        submit(prepared.submission, system.database)
        _wait_until_handled(system, stop)
    return _watch_to_end(system, run_id, watcher, stop)


def resume_to_end(
    run_id: str, home: Home, watcher: RunWatcher, stop: threading.Event, changed: ChangedSections
) -> RunProgress:
    """Resume a run of the home, as `run_to_end` does. The home must be locked."""
    with EmbeddedSystem(home) as system:
        watcher.submitted(run_id, (), ())
        if not _is_finished(system, run_id):
            command = ResumeCommand(
                run_id=run_id, budget=changed.budget, failures=changed.failures, guards=changed.guards
            )
            append_command(system.database, f"cli:{uuid.uuid4().hex}", RESUME, command.model_dump(mode="json"))
            _wait_until_handled(system, stop)
        return _watch_to_end(system, run_id, watcher, stop)


def _watch_to_end(system: EmbeddedSystem, run_id: str, watcher: RunWatcher, stop: threading.Event) -> RunProgress:
    while True:
        system.raise_failure()
        with Session(system.database) as session:
            progress = read_progress(session, run_id)
            if progress is not None:
                watcher.looked(session, progress)
        if progress is not None and (progress.status.ended or _is_stuck_for_good(progress)):
            return progress
        if stop.wait(REFRESH_S):
            if progress is None:
                raise AccountingError(f"Run {run_id} was stopped before it began.", "Run the same command again.")
            return progress


def _is_stuck_for_good(progress: RunProgress) -> bool:
    """Whether waiting in this process is for nothing: what is stuck is the process."""
    return progress.stuck is not None and not progress.stuck.cause.passes


def _is_finished(system: EmbeddedSystem, run_id: str) -> bool:
    with Session(system.database) as session:
        run = session.get(Run, run_id)
        return run is not None and run.status is RunStatus.FINISHED


def _set_others_aside(system: EmbeddedSystem, run_id: str) -> None:
    """Cancel what an earlier process left unfinished here: a user who runs another recipe wants that one, not both.

    All of its results are kept, and `spar resume` continues it.
    """
    with Session(system.database) as session:
        others = [run.id for run in session.exec(select(Run)) if run.id != run_id and run.status.on]
    for other in others:
        payload = RunCommand(run_id=other).model_dump(mode="json")
        append_command(system.database, f"cli:{uuid.uuid4().hex}", CANCEL, payload)


def _wait_until_handled(system: EmbeddedSystem, stop: threading.Event) -> None:
    """Until the coordinator has taken every command."""
    waiting = True
    while waiting and not stop.wait(REFRESH_S / 10):
        system.raise_failure()
        with Session(system.database) as session:
            waiting = session.exec(select(Command).where(col(Command.handled_at).is_(None))).first() is not None
