"""Reads a run's steps for its profile: rows only, no object. Writes nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from spar.db.tables import Event, Iteration, Run, Step, StepCount
from spar.errors import DataError
from spar.messages.event_names import EventName, event_name, stored_names
from spar.messages.facts import StepFacts
from spar.messages.states import StepState
from spar.report.profile.build import ProfiledRun, build_profile
from spar.report.profile.model import RunProfile
from spar.report.profile.spans import Span, merged
from spar.report.profile.steps import EndedStep, IterationSpan
from spar.runtime.worker import EMBEDDED

BEGINS = EventName.RUN_STARTED
ENDS = (EventName.RUN_FINISHED, EventName.RUN_FAILED, EventName.RUN_CANCELLED, EventName.RUN_STOPPED)


def read_profile(session: Session, run_id: str) -> RunProfile:
    """Of a run that has ended, or of one as it stands. Raises DataError for a run that is not there."""
    run = session.get(Run, run_id)
    if run is None:
        raise DataError(f"There is no run '{run_id}' here.", "List the runs with: spar runs.")
    return build_profile(_profiled(session, run))


def _profiled(session: Session, run: Run) -> ProfiledRun:
    origin = run.created_at
    steps = tuple(_ended_steps(session, run.id, origin))
    counts = session.exec(select(StepCount).where(StepCount.run_id == run.id)).all()
    open_states = (StepState.READY, StepState.DISPATCHED, StepState.RUNNING)
    return ProfiledRun(
        run_id=run.id,
        active=tuple(_active(session, run.id, origin, max((step.ended for step in steps), default=0.0))),
        iterations=tuple(_iterations(session, run.id, origin)),
        steps=steps,
        unfinished=sum(row.count for row in counts if row.state in open_states),
        dead=sum(row.count for row in counts if row.state is StepState.DEAD),
        one_process=all(step.worker == EMBEDDED for step in steps if step.worker is not None),
    )


def _ended_steps(session: Session, run_id: str, origin: datetime) -> Iterable[EndedStep]:
    columns = (Step.kind, Step.part, Step.worker, Step.attempt, Step.reused, Step.dispatched_at)
    query = select(Step.iteration, Step.finished_at, Step.facts, *columns)  # type: ignore[call-overload]
    done = query.where(Step.run_id == run_id, Step.state == StepState.DONE).order_by(col(Step.id))
    return (_ended_step(*row, origin=origin) for row in session.exec(done) if row[1] is not None)


def _ended_step(
    iteration: int,
    finished_at: datetime,
    stored: dict[str, Any],
    *columns: Any,
    origin: datetime,
) -> EndedStep:
    kind, part, worker, attempt, reused, dispatched_at = columns
    facts = StepFacts.read(stored)
    ended, seconds = _since(finished_at, origin), 0.0 if reused else facts.seconds or 0.0
    sent = ended - seconds if reused or dispatched_at is None else _since(dispatched_at, origin)
    return EndedStep(
        iteration=iteration,
        kind=kind,
        part=part,
        worker=None if reused else facts.worker or worker,
        attempt=attempt,
        reused=reused,
        sent=sent,
        ended=ended,
        seconds=seconds,
        timings=None if reused else facts.timings,
    )


def _iterations(session: Session, run_id: str, origin: datetime) -> Iterable[IterationSpan]:
    query = select(Iteration).where(Iteration.run_id == run_id).order_by(col(Iteration.index))
    for row in session.exec(query):
        finished = None if row.finished_at is None else _since(row.finished_at, origin)
        yield IterationSpan(index=row.index, started=_since(row.started_at, origin), finished=finished)


def _active(session: Session, run_id: str, origin: datetime, last: float) -> list[Span]:
    """From each start to the end after it; a process that was killed has written no end, so that it counts as on.

    Evaluations may end after their run's last word, and `last` is when the last step did.
    """
    query = select(Event).where(Event.run_id == run_id, col(Event.name).in_(stored_names(BEGINS, *ENDS)))
    began: float | None = None
    spans: list[Span] = []
    for event in session.exec(query.order_by(col(Event.id))):
        at = _since(event.at, origin)
        if event_name(event.name, event.fields) == BEGINS:
            began = at if began is None else began
        elif began is not None:
            spans.append((began, at))
            began = None
    if began is not None:
        spans.append((began, max(began, last)))
    return merged(spans)


def _since(at: datetime, origin: datetime) -> float:
    return (at - origin).total_seconds()
