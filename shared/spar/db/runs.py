"""Reads the list of runs, how a run's prompts ended, and its dead letters. Writes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from spar.db.dropped import is_dropped
from spar.db.progress import RunProgress, is_initialising, read_progress
from spar.db.tables import Command, Event, PromptOutcome, Run, Shard, Step
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.commands import RESUME, SUBMIT
from spar.messages.event_names import event_name
from spar.messages.parts import shard_index
from spar.messages.states import RunStatus, StepState
from spar.messages.stuck import Stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of the list of runs."""

    run_id: str
    recipe: str
    status: RunStatus
    reason: str | None
    iteration: int
    iterations: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    initialising: bool = False


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run's progress, and how the prompts of each iteration that has selected ended.

    `next_step` is what to do about a run that stopped, in words; the caller that shows the detail sets it.
    """

    progress: RunProgress
    outcomes: dict[int, dict[str, int]]
    next_step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A step that failed for good, and why; `part` is its shard, or which model or data it was about. `prompts` are
    those that it holds; `dropped`: its user has accepted the loss."""

    step: int
    iteration: int
    kind: StepKind
    part: str
    attempts: int
    reason: str | None
    finished_at: datetime | None
    prompts: int = 0
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What happened, when: a row of `event`."""

    id: int
    name: str
    at: datetime
    fields: dict[str, Any]


def list_runs(session: Session, limit: int = 1000, at_work: bool = True) -> list[RunSummary]:
    """Newest first. `at_work` as in `read_progress`."""
    query = select(Run).order_by(col(Run.created_at).desc(), col(Run.id)).limit(limit)
    return [_summary(run, at_work) for run in session.exec(query)]


def _summary(run: Run, at_work: bool) -> RunSummary:
    return RunSummary(
        run_id=run.id,
        recipe=str(run.recipe["name"]),
        status=run.status.shown(at_work, run.stuck is not None),
        reason=run.reason,
        iteration=run.iteration,
        iterations=int(run.recipe["iterations"]),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        initialising=is_initialising(run),
    )


def read_detail(session: Session, run_id: str, at_work: bool = True) -> RunDetail | None:
    """A run as it will be once what was requested is taken; None for a run that neither is nor was submitted."""
    progress = read_progress(session, run_id, at_work)
    if progress is None or progress.status in (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.STOPPED):
        waiting = _wish_to_go_on(session, run_id)
        if progress is None:
            progress = None if waiting is None or waiting.kind != SUBMIT else _submitted(waiting)
        elif waiting is not None:
            progress = replace(progress, status=RunStatus.QUEUED, reason=None, finished_at=None)
    return None if progress is None else RunDetail(progress, outcome_counts(session, run_id))


def _wish_to_go_on(session: Session, run_id: str) -> Command | None:
    """A submit or a resume of the run that waits to be taken."""
    waiting = select(Command).where(col(Command.kind).in_((SUBMIT, RESUME)), col(Command.handled_at).is_(None))
    commands = session.exec(waiting.order_by(col(Command.id)))
    return next((command for command in commands if command.payload.get("run_id") == run_id), None)


def _submitted(command: Command) -> RunProgress:
    return RunProgress(
        run_id=str(command.payload["run_id"]),
        status=RunStatus.QUEUED,
        reason=None,
        iteration=0,
        iterations=int(command.payload["recipe"]["iterations"]),
        created_at=command.at,
        finished_at=None,
        steps=(),
        trainings=(),
    )


def stuck_runs(session: Session, at_work: bool) -> dict[str, Stuck]:
    """The runs that are stuck, and of what; none where no process is at work that would know."""
    on = [status for status in RunStatus if status.on]
    query = select(Run).where(col(Run.status).in_(on)) if at_work else None
    found = session.exec(query).all() if query is not None else []
    return {run.id: Stuck.model_validate(run.stuck) for run in found if run.stuck is not None}


def outcome_counts(session: Session, run_id: str) -> dict[int, dict[str, int]]:
    """For each iteration that has selected: how many prompts ended in each outcome that happened."""
    query = (
        select(PromptOutcome.iteration, PromptOutcome.outcome, func.count())
        .where(PromptOutcome.run_id == run_id)
        .group_by(col(PromptOutcome.iteration), col(PromptOutcome.outcome))
    )
    found: dict[int, dict[str, int]] = {}
    for iteration, outcome, count in session.exec(query):
        found.setdefault(iteration, {})[outcome] = count
    return dict(sorted(found.items()))


def dead_letters(session: Session, run_id: str) -> list[DeadLetter]:
    query = select(Step).where(Step.run_id == run_id, Step.state == StepState.DEAD).order_by(col(Step.id))
    return [_letter(session, step) for step in session.exec(query)]


def _letter(session: Session, step: Step) -> DeadLetter:
    shard = (
        session.get(Shard, (step.run_id, step.iteration, shard_index(step.part))) if step.kind in SHARD_KINDS else None
    )
    return DeadLetter(
        step=step.id or 0,
        iteration=step.iteration,
        kind=step.kind,
        part=step.part,
        attempts=step.attempt,
        reason=step.reason,
        finished_at=step.finished_at,
        prompts=0 if shard is None else shard.prompts,
        dropped=is_dropped(step),
    )


def run_events(session: Session, run_id: str, after: int, limit: int = 500) -> list[RunEvent]:
    """What happened after the event of that id, oldest first, under today's names."""
    query = select(Event).where(Event.run_id == run_id, col(Event.id) > after).order_by(col(Event.id)).limit(limit)
    return [
        RunEvent(event.id or 0, event_name(event.name, event.fields), event.at, event.fields)
        for event in session.exec(query)
    ]
