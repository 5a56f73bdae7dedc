"""Reads how far a run is, from counters and the newest rows: for the terminal, `spar status`, pages. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from spar.db.dropped import is_dropped
from spar.db.guards import read_guard_alarms
from spar.db.measured import AuditScore, BenchmarkScore, read_measured
from spar.db.spending import estimated_tokens, read_spending
from spar.db.tables import Event, Iteration, Run, Shard, Step, StepCount, TrainingJob
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.endings import RunEnd
from spar.messages.event_names import EventName, event_name, stored_names
from spar.messages.parts import shard_index
from spar.messages.states import RunStatus, StepState
from spar.messages.stuck import Stuck
from spar.recipes.init import FIRST
from spar.recipes.models import BudgetSettings
from spar.recipes.spending import BudgetLine, burn_down


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """Steps of one kind in one iteration. A shard's later steps exist only once the earlier ones are done,
    so `total` is the number of shards; for other kinds, the steps there are."""

    iteration: int
    kind: StepKind
    total: int
    done: int
    in_flight: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    iteration: int
    role: str
    step: int
    steps: int
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSteps:
    """Steps that failed for good, and how many prompts their shards hold."""

    steps: int = 0
    prompts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """Where a run is now."""

    run_id: str
    status: RunStatus
    reason: str | None
    iteration: int
    iterations: int
    created_at: datetime
    finished_at: datetime | None
    steps: tuple[StepProgress, ...]
    trainings: tuple[TrainingProgress, ...]
    burn: tuple[BudgetLine, ...] = ()
    """What is spent, of its caps."""
    alarms: tuple[str, ...] = ()
    """Where what the refiner sees has diverged from what the rules see, what guards warn of, and what is paused by a
    fault around it."""
    scores: tuple[BenchmarkScore, ...] = ()
    """Of the benchmarks in the recipe's evaluation: those that pages show."""
    audits: tuple[AuditScore, ...] = ()
    """Of the refiner's judging, if the recipe has a judge_audit."""
    end: RunEnd | None = None
    """Why it ended early; None: it has not, or it was cancelled."""
    stuck: Stuck | None = None
    """Why it is stuck; None: it is not."""
    lost: LostSteps = LostSteps()
    initialising: bool = False
    """It makes its starting models: `iteration` is -1 for the actor, 0 for the refiner."""


def read_progress(session: Session, run_id: str, at_work: bool = True) -> RunProgress | None:
    """`at_work`: a process works on the runs there; else a run that has not ended was interrupted."""
    run = session.get(Run, run_id)
    if run is None:
        return None
    shards = {row.index: row.shards for row in session.exec(select(Iteration).where(Iteration.run_id == run_id))}
    counts: dict[tuple[int, StepKind], dict[StepState, int]] = {}
    for row in session.exec(select(StepCount).where(StepCount.run_id == run_id)):
        counts.setdefault((row.iteration, row.kind), {})[row.state] = row.count
    jobs = session.exec(select(TrainingJob).where(TrainingJob.run_id == run_id).order_by(col(TrainingJob.step_id)))
    order = list(StepKind)
    scores, audits = read_measured(session, run)
    return RunProgress(
        run_id=run_id,
        status=run.status.shown(at_work, run.stuck is not None),
        reason=run.reason,
        iteration=run.iteration,
        iterations=int(run.recipe["iterations"]),
        created_at=run.created_at,
        finished_at=run.finished_at,
        steps=tuple(
            _step_progress(iteration, kind, states, shards.get(iteration, 0))
            for (iteration, kind), states in sorted(
                counts.items(), key=lambda item: (item[0][0], order.index(item[0][1]))
            )
        ),
        trainings=tuple(
            TrainingProgress(iteration=j.iteration, role=j.role, step=j.step, steps=j.steps, loss=j.loss) for j in jobs
        ),
        burn=burn_down(
            read_spending(session, run_id).spent,
            BudgetSettings.model_validate(run.recipe.get("budget", {})),
            estimated_tokens(session, run_id),
        ),
        alarms=(*_alarms(session, run_id), *read_guard_alarms(session, run), *_circuit_alarms(session, run)),
        lost=read_lost(session, run_id),
        scores=scores,
        audits=audits,
        end=None if run.end is None else RunEnd.model_validate(run.end),
        stuck=Stuck.model_validate(run.stuck) if run.stuck and at_work and run.status.on else None,
        initialising=is_initialising(run),
    )


def is_initialising(run: Run) -> bool:
    return bool(run.recipe.get("init")) and run.started_at is not None and run.iteration < FIRST


def _step_progress(iteration: int, kind: StepKind, states: dict[StepState, int], shards: int) -> StepProgress:
    return StepProgress(
        iteration=iteration,
        kind=kind,
        total=shards if kind in SHARD_KINDS else sum(states.values()),
        done=states.get(StepState.DONE, 0),
        in_flight=states.get(StepState.DISPATCHED, 0) + states.get(StepState.RUNNING, 0),
        dead=states.get(StepState.DEAD, 0),
    )


def _alarms(session: Session, run_id: str) -> tuple[str, ...]:
    names = stored_names(EventName.JUDGE_DRIFTED)
    query = select(Event).where(Event.run_id == run_id, col(Event.name).in_(names)).order_by(col(Event.id))
    return tuple(f"iteration {event.fields['iteration']}: {_finding(event)}" for event in session.exec(query))


def _finding(event: Event) -> str:
    """Older versions stored it under the second name."""
    return str(event.fields.get("finding", event.fields.get("told")))


def _circuit_alarms(session: Session, run: Run) -> tuple[str, ...]:
    """Kinds of steps that are paused, since the environment fails them."""
    if not run.status.on:
        return ()
    names = stored_names(
        EventName.CIRCUIT_OPENED, EventName.CIRCUIT_REOPENED, EventName.CIRCUIT_CLOSED, EventName.RUN_STARTED
    )
    query = select(Event).where(Event.run_id == run.id, col(Event.name).in_(names)).order_by(col(Event.id))
    open_: dict[str, str] = {}
    for event in session.exec(query):
        name = event_name(event.name, event.fields)
        if name == EventName.RUN_STARTED:
            open_.clear()
        elif name == EventName.CIRCUIT_CLOSED:
            open_.pop(event.fields["step_kind"], None)
        else:
            open_[event.fields["step_kind"]] = (
                f"{event.fields['step_kind']} is paused since {event.at:%H:%M:%S} UTC, and probed: "
                f"{event.fields['error']} If that does not pass, the run stops as failed, and can be resumed."
            )
    return tuple(open_.values())


def read_lost(session: Session, run_id: str) -> LostSteps:
    """Of the steps that failed for good and that were not dropped."""
    query = select(Step).where(Step.run_id == run_id, Step.state == StepState.DEAD)
    dead = [step for step in session.exec(query) if not is_dropped(step)]
    shards = [
        session.get(Shard, (run_id, step.iteration, shard_index(step.part)))
        for step in dead
        if step.kind in SHARD_KINDS
    ]
    return LostSteps(steps=len(dead), prompts=sum(shard.prompts for shard in shards if shard is not None))


def newest_run_id(session: Session) -> str | None:
    return session.exec(select(Run.id).order_by(col(Run.created_at).desc()).limit(1)).first()


def run_ids(session: Session) -> Sequence[str]:
    return session.exec(select(Run.id).order_by(col(Run.created_at))).all()


def events_after(session: Session, run_id: str, event_id: int) -> list[tuple[int, str, dict[str, Any]]]:
    """What happened since: (id, today's name, fields), oldest first."""
    query = select(Event).where(Event.run_id == run_id, col(Event.id) > event_id).order_by(col(Event.id))
    return [(event.id or 0, event_name(event.name, event.fields), event.fields) for event in session.exec(query)]


def last_event_id(session: Session, run_id: str) -> int:
    """The newest event's id, 0 before the first."""
    query = select(Event.id).where(Event.run_id == run_id).order_by(col(Event.id).desc()).limit(1)
    return session.exec(query).first() or 0
