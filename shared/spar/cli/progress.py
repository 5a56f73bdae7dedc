"""Shows a run's progress: bars on a terminal, plain lines anywhere else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from sqlmodel import Session

from spar.cli.console import err, print_warning
from spar.cli.event_lines import ALARMS, QUIET, EventLines, TenthsReporter, caps
from spar.data.readers.prompts import Reject
from spar.db.progress import RunProgress, StepProgress, events_after, last_event_id
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.recipes.init import iteration_name

if TYPE_CHECKING:
    from spar.embedded.runner import RunWatcher

MOST_REJECTS = 20
"""Printed one by one; a file that is broken throughout must not fill the screen."""


class RateColumn(ProgressColumn):
    """Steps per second, from the last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


class Display(Protocol):
    """Shows a run, whatever the source of its figures."""

    def event(self, name: str, fields: Mapping[str, Any]) -> None: ...

    def show(self, run: RunProgress) -> None: ...


@contextmanager
def displaying() -> Iterator[Display]:
    """A display on this process's stderr."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as progress:
        yield _Bars(progress)


@contextmanager
def watching() -> Iterator["RunWatcher"]:
    """A watcher of a run in this process."""
    from spar.embedded.runner import RunWatcher

    with displaying() as display:
        yield RunWatcher(_print_submitted, _FromDatabase(display))


class _FromDatabase:
    """Feeds a display from the tables."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._last_event: int | None = None

    def __call__(self, session: Session, run: RunProgress) -> None:
        if self._last_event is None:  # what an earlier process printed is not repeated
            self._last_event = last_event_id(session, run.run_id)
        for event_id, name, fields in events_after(session, run.run_id, self._last_event):
            self._last_event = event_id
            self._display.event(name, fields)
        self._display.show(run)


def _print_submitted(run_id: str, rejects: Sequence[Reject], notes: Sequence[str]) -> None:
    _line(f"run {run_id}")
    for note in notes:
        print_warning(note)
    if rejects:
        print_warning(f"{len(rejects)} rows of the prompts file cannot be used:")
    for reject in rejects[:MOST_REJECTS]:
        _line(f"  line {reject.line}: {reject.reason}")
    if len(rejects) > MOST_REJECTS:
        _line(f"  and {len(rejects) - MOST_REJECTS} more")


class _Bars:
    """One bar for each step kind of an iteration, two for the trainings, one for each cap of the budget."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, Any] = {}
        self._events = EventLines()

    def event(self, name: str, fields: Mapping[str, Any]) -> None:
        """Bars show the progress, but not why it halts."""
        if name in ALARMS:
            _line(self._events.line(name, fields))

    def show(self, run: RunProgress) -> None:
        for step in run.steps:
            self._show(f"{_name(step)} {step.kind}", step.done + step.dead, step.total)
        for job in run.trainings:
            loss = "" if job.loss is None else f" loss {job.loss:.3f}"
            self._show(f"{iteration_name(job.iteration)} {job.role}", job.step, job.steps, loss)
        for burn in caps(run.burn):
            self._show(f"budget: {burn.name}", burn.spent, burn.cap or 0)

    def _show(self, name: str, done: float, total: float, more: str = "") -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total or None)
        self._progress.update(self._bars[name], completed=done, total=total or None, description=name + more)


class _Lines:
    """A line for each event, and for each step kind that is complete."""

    def __init__(self) -> None:
        self._completed: set[tuple[int, str]] | None = None
        self._tenths = TenthsReporter()
        self._interrupted = False
        self._events = EventLines()

    def event(self, name: str, fields: Mapping[str, Any]) -> None:
        if name not in QUIET:
            _line(self._events.line(name, fields))

    def show(self, run: RunProgress) -> None:
        """Print what has completed since the last call, one line each."""
        if self._completed is None:  # what an earlier process printed is not repeated
            self._completed = {(step.iteration, step.kind) for step in run.steps if _is_complete(step)}
        for step in run.steps:
            key = (step.iteration, step.kind)
            if _is_complete(step) and key not in self._completed:
                self._completed.add(key)
                dead = f", {step.dead} failed for good" if step.dead else ""
                _line(f"{_name(step)}: {step.kind} {step.done}/{step.total}{dead}")
        for line in self._tenths.news(run.burn):
            _line(line)
        interrupted = run.status is RunStatus.INTERRUPTED
        if interrupted and not self._interrupted:
            _line("interrupted: no coordinator is running; the run resumes once one is started")
        self._interrupted = interrupted


def _name(step: StepProgress) -> str:
    return iteration_name(step.iteration, measured=step.kind is StepKind.EVALUATION)


def _is_complete(step: StepProgress) -> bool:
    return step.total > 0 and step.done + step.dead == step.total


def _line(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)
