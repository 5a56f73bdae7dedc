"""Every read and write of a run's tables that a decision needs, inside one session.

The only place that changes a step's state, so that `step_count` always agrees with `step`. Decides nothing.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import delete, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from services.coordinator.ledger_memory import CountKey, LedgerMemory
from spar.db.tables import (
    Event,
    Iteration,
    Model,
    Orphan,
    PromptOutcome,
    Run,
    RunClock,
    Shard,
    Spending,
    Step,
    StepCount,
    StoredResult,
    TrainingJob,
    utc_now,
)
from spar.errors import AccountingError
from spar.messages.base import SHARD_KINDS, ModelRef, StepKind, StepMessage
from spar.messages.coordinator import FailureReason, StepUsage
from spar.messages.endings import RunEnd
from spar.messages.event_names import EventName
from spar.messages.facts import StepFacts
from spar.messages.parts import shard_part
from spar.messages.states import RunStatus, StepState
from spar.method.records import Outcome
from spar.recipes.models import Recipe

Row = TypeVar("Row", bound=SQLModel)

IN_FLIGHT = (StepState.DISPATCHED, StepState.RUNNING)
AWAY = timedelta(seconds=60)
"""A longer time between two ticks is the coordinator's absence, not the run's work."""
MOMENT = timedelta(seconds=1)
"""Time is recorded no more often."""


class Ledger:
    """One session's view of a run's tables. The caller commits."""

    def __init__(self, session: Session, memory: LedgerMemory | None = None) -> None:
        """`memory` is what earlier sessions of the only writer have read; it must be forgotten if one fails."""
        self.session = session
        self.memory = memory or LedgerMemory()
        self._kept: list[object] = []
        """The session holds its rows weakly; those that every decision reads are selected once because of this."""
        self._steps: dict[tuple[str, int, StepKind, str], Step] = {}
        """Those that were looked up by their id."""
        self._changed: set[tuple[str, CountKey]] = set()
        event.listen(session, "before_commit", self._write_counts)

    # ---- runs and iterations ----

    def run(self, run_id: str) -> Run:
        run = self._get(Run, run_id)
        if run is None:
            raise AccountingError(f"There is no run {run_id} in the database.")
        return run

    def recipe(self, run: Run) -> Recipe:
        # Strict models take tuples and enums from JSON only as JSON.
        return _recipe(json.dumps(run.recipe))

    def runs_on(self) -> list[Run]:
        """The running runs and those being cancelled, in the order of submission."""
        on = [status for status in RunStatus if status.on]
        return list(self.session.exec(select(Run).where(col(Run.status).in_(on)).order_by(col(Run.created_at))))

    def run_ids_on(self) -> list[str]:
        """As `runs_on`, without reading their recipes."""
        on = [status for status in RunStatus if status.on]
        return list(self.session.exec(select(Run.id).where(col(Run.status).in_(on)).order_by(col(Run.created_at))))

    def queued_runs(self, limit: int) -> list[Run]:
        """Those that start next."""
        query = select(Run).where(Run.status == RunStatus.QUEUED).order_by(col(Run.created_at)).limit(max(0, limit))
        return list(self.session.exec(query))

    def end_run(self, run: Run, status: RunStatus, end: RunEnd | None = None) -> None:
        """`end` is the reason, unless it finished or was cancelled."""
        run.status, run.finished_at, run.stuck = status, utc_now(), None
        run.reason, run.end = (None, None) if end is None else (end.what, end.model_dump(mode="json"))
        self.event(EventName(f"run_{status}"), run.id, reason=run.reason)

    def queue_again(self, run: Run) -> None:
        """Its end is void."""
        run.status, run.reason, run.end, run.finished_at = RunStatus.QUEUED, None, None, None

    def iteration(self, run_id: str, index: int) -> Iteration:
        iteration = self._get(Iteration, (run_id, index))
        if iteration is None:
            raise AccountingError(f"Run {run_id} has no iteration {index}.")
        return iteration

    def current(self, run: Run) -> Iteration | None:
        """The current iteration of the run; None before its first."""
        return self._get(Iteration, (run.id, run.iteration))

    def shards(self, run_id: str, iteration: int) -> Sequence[Shard]:
        query = select(Shard).where(Shard.run_id == run_id, Shard.iteration == iteration)
        return self.session.exec(query.order_by(col(Shard.index))).all()

    def shard(self, run_id: str, iteration: int, index: int) -> Shard:
        return self.session.get_one(Shard, (run_id, iteration, index))

    def spend(self, step: Step, usage: StepUsage) -> None:
        """Record the usage of an attempt that produced a result, whether or not the result is still needed."""
        taken = {
            "steps": int(usage.calls > 0),
            "trainings": int(step.kind is StepKind.TRAINING),
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
        }
        row = {"run_id": step.run_id, "iteration": step.iteration, "kind": step.kind}
        new = self._insert(Spending).values({**row, **taken})
        more = {name: getattr(Spending, name) + new.excluded[name] for name in taken}
        self.session.execute(new.on_conflict_do_update(index_elements=list(row), set_=more))

    def count_time(self, run: Run, now: datetime) -> None:
        """Add the time since the last tick, if the run was running and the coordinator present."""
        known = self.memory.looked_at.get(run.id)
        if run.status.on and known is not None and now - known < MOMENT:
            return
        clock = self._get(RunClock, run.id) or RunClock(run_id=run.id)
        since = now - clock.looked_at if clock.looked_at is not None and run.status.on else None
        if since is not None and since < MOMENT:
            return
        if since is not None and since <= AWAY:
            clock.worked_s += since.total_seconds()
        clock.looked_at = now if run.status.on else None
        self.session.add(clock)
        self._remember_look(run.id, clock.looked_at)

    # ---- steps ----

    def add_step(self, message: StepMessage, kind: StepKind, iteration: int, part: str) -> Step:
        """A new step, ready. Its id goes into its message when that is sent."""
        step = Step(
            run_id=message.run_id,
            iteration=iteration,
            kind=kind,
            part=part,
            state=StepState.READY,
            fingerprint=message.fingerprint,
            message=message.model_dump(mode="json"),
        )
        self.session.add(step)
        self._count(step, step.state, +1)
        return step

    def remove_step(self, step: Step) -> None:
        """Remove a step that will be prepared again from other inputs."""
        self._count(step, step.state, -1)
        self.session.delete(step)
        # The same step may be added again within this transaction.
        self.session.flush()

    def step(self, step_id: int) -> Step | None:
        step = self.session.get(Step, step_id)
        if step is not None:
            self._steps[step.run_id, step.iteration, step.kind, step.part] = step
        return step

    def find_step(self, run_id: str, iteration: int, kind: StepKind, part: str) -> Step | None:
        known = self._steps.get((run_id, iteration, kind, part))
        if known is not None and known in self.session:  # else it has been removed
            return known
        query = select(Step).where(
            Step.run_id == run_id, Step.iteration == iteration, Step.kind == kind, Step.part == part
        )
        return self.session.exec(query).first()

    def result_keys(self, run_id: str, iteration: int, kind: StepKind) -> dict[str, str | None]:
        """Of all steps of a kind, by their part."""
        query = select(Step.part, Step.result_key).where(
            Step.run_id == run_id, Step.iteration == iteration, Step.kind == kind
        )
        return dict(self.session.exec(query).all())

    def failure_of_shards(self, run_id: str, iteration: int) -> FailureReason | None:
        """Why the last of the iteration's dead shards failed; None if there is none."""
        query = select(Step.failure).where(Step.run_id == run_id, Step.iteration == iteration)
        dead = query.where(Step.state == StepState.DEAD, col(Step.kind).in_(SHARD_KINDS))
        found = self.session.exec(dead.order_by(col(Step.id).desc()).limit(1)).all()
        return FailureReason(found[0] or FailureReason.UNEXPECTED) if found else None

    def ready_steps(
        self,
        run_id: str,
        kind: StepKind,
        limit: int,
        now: datetime,
        recomputed_in: int | None = None,
        shards: int | None = None,
    ) -> Sequence[Step]:
        """The steps that may be dispatched now; with `recomputed_in`, only those of that iteration whose result was
        lost, with `shards`, only those of the first so many shards.

        A step whose fingerprint is in flight already, in any run, waits for that result and reuses it.
        """
        twin = aliased(Step)
        query = (
            select(Step)
            .where(Step.run_id == run_id, Step.state == StepState.READY, Step.kind == kind)
            .where(col(Step.not_before).is_(None) | (col(Step.not_before) <= now))
            .where(
                ~select(twin.id).where(twin.fingerprint == Step.fingerprint, col(twin.state).in_(IN_FLIGHT)).exists()
            )
            .order_by(col(Step.id))
            .limit(limit)
        )
        if shards is not None:
            query = query.where(col(Step.part).in_([shard_part(index) for index in range(shards)]))
        if recomputed_in is not None:
            query = query.where(Step.remade > 0, Step.iteration == recomputed_in)
        return self.session.exec(query).all()

    def steps_in(self, states: Sequence[StepState], run_id: str | None = None) -> Sequence[Step]:
        query = select(Step).where(col(Step.state).in_(states)).order_by(col(Step.id))
        if run_id is not None:
            query = query.where(Step.run_id == run_id)
        return self.session.exec(query).all()

    def move(self, step: Step, state: StepState, **changes: Any) -> None:
        """Change a step's state and the given fields, and keep the counters in agreement."""
        self._count(step, step.state, -1)
        step.state = state
        for name, value in changes.items():
            setattr(step, name, value)
        self._count(step, state, +1)
        self.session.add(step)

    def counts(self, run_id: str) -> Counter[CountKey]:
        """The run's counters. They are written when the session commits."""
        counters = self.memory.counts
        if run_id not in counters:
            rows = self.session.exec(select(StepCount).where(StepCount.run_id == run_id))
            counters[run_id] = Counter({CountKey(row.iteration, row.kind, row.state): row.count for row in rows})
        return counters[run_id]

    def count_anew(self, run_id: str) -> int:
        """Set the run's counters from its steps; returns how many steps there are."""
        steps = self.session.exec(select(Step).where(Step.run_id == run_id)).all()
        counted = Counter(CountKey(step.iteration, step.kind, step.state) for step in steps)
        for key in {*self.counts(run_id), *counted}:
            self._set_count(run_id, key, counted[key])
        return len(steps)

    def _count(self, step: Step, state: StepState, by: int) -> None:
        key = CountKey(step.iteration, step.kind, state)
        self._set_count(step.run_id, key, self.counts(step.run_id)[key] + by)

    def _set_count(self, run_id: str, key: CountKey, count: int) -> None:
        self.counts(run_id)[key] = count
        self._changed.add((run_id, key))

    def _write_counts(self, session: SqlSession) -> None:
        if not self._changed:
            return
        rows = [
            {"run_id": run_id, **key._asdict(), "count": self.counts(run_id)[key]}
            for run_id, key in sorted(self._changed)
        ]
        written = self._insert(StepCount).values(rows)
        key_columns = ["run_id", *CountKey._fields]
        session.execute(
            written.on_conflict_do_update(index_elements=key_columns, set_={"count": written.excluded.count})
        )
        self._changed.clear()

    # ---- results, models, outcomes, events ----

    def result(self, fingerprint: str) -> StoredResult | None:
        return self.session.get(StoredResult, fingerprint)

    def results(self, fingerprints: Collection[str]) -> dict[str, StoredResult]:
        """Those of them that are known, by fingerprint."""
        query = select(StoredResult).where(col(StoredResult.fingerprint).in_(fingerprints))
        return {result.fingerprint: result for result in self.session.exec(query)}

    def register_result(self, fingerprint: str, key: str, size: int, facts: StepFacts) -> StoredResult:
        """The first writer's object is the result; a later one's is an orphan, unless it is the same object."""
        row = StoredResult(fingerprint=fingerprint, key=key, size=size, facts=facts.stored())
        new = self._insert(StoredResult).values(row.model_dump()).on_conflict_do_nothing()
        if self.session.execute(new.returning(col(StoredResult.fingerprint))).first() is not None:
            return row
        known = self.session.get_one(StoredResult, fingerprint)
        if known.key != key and self.session.get(Orphan, key) is None:
            self.session.add(Orphan(key=key, fingerprint=fingerprint))
        return known

    def forget_result(self, result: StoredResult) -> None:
        """Its object is lost: the next attempt that produces one registers it."""
        self.session.delete(result)
        self.session.flush()

    def add_model(self, fingerprint: str, location: str, parent: str | None) -> None:
        if self._get(Model, fingerprint) is None:
            self.session.add(Model(fingerprint=fingerprint, location=location, parent=parent))
            # Iterations point at it within this same transaction.
            self.session.flush()

    def model(self, fingerprint: str) -> ModelRef:
        known = self.memory.models
        if fingerprint not in known:
            model = self.session.get_one(Model, fingerprint)
            known[fingerprint] = ModelRef(fingerprint=model.fingerprint, location=model.location)
        return known[fingerprint]

    def add_outcomes(self, run_id: str, iteration: int, ends: Sequence[tuple[str, str]]) -> None:
        """One row per prompt, in order, replacing the former ones. `ends` are (prompt id, outcome)."""
        mine = (col(PromptOutcome.run_id) == run_id, col(PromptOutcome.iteration) == iteration)
        self.session.execute(delete(PromptOutcome).where(*mine))
        rows = [
            PromptOutcome(run_id=run_id, iteration=iteration, position=position, prompt_id=prompt, outcome=outcome)
            for position, (prompt, outcome) in enumerate(ends)
        ]
        self.session.add_all(rows)

    def outcomes(self, run_id: str, iteration: int) -> Counter[Outcome]:
        query = select(PromptOutcome.outcome).where(
            PromptOutcome.run_id == run_id, PromptOutcome.iteration == iteration
        )
        return Counter(Outcome(outcome) for outcome in self.session.exec(query))

    def forget_outcomes(self, run_id: str, iteration: int) -> None:
        """The selection that follows records them again."""
        self.add_outcomes(run_id, iteration, [])

    def training_progressed(self, step: Step, at: int, of: int, loss: float | None) -> None:
        job = self.session.get(TrainingJob, step.id) or TrainingJob(
            step_id=step.id or 0, run_id=step.run_id, iteration=step.iteration, role=step.part
        )
        job.step, job.steps, job.updated_at = at, of, utc_now()
        job.loss = job.loss if loss is None else loss
        self.session.add(job)

    def training_ended(self, step: Step) -> None:
        """Progress reports that arrive after its end are ignored."""
        job = self.session.get(TrainingJob, step.id)
        if job is not None:
            job.step, job.updated_at = job.steps, utc_now()
            self.session.add(job)

    def event(self, name: EventName, run_id: str | None = None, **fields: Any) -> None:
        self.session.add(Event(run_id=run_id, name=name.value, fields=fields))

    def _remember_look(self, run_id: str, at: datetime | None) -> None:
        if at is None:
            self.memory.looked_at.pop(run_id, None)
        else:
            self.memory.looked_at[run_id] = at

    def _insert(self, table: type[SQLModel]) -> sqlite.Insert | postgresql.Insert:
        """An insert that may say what follows where the row is there already."""
        is_postgres = self.session.get_bind().dialect.name == "postgresql"
        return postgresql.insert(table) if is_postgres else sqlite.insert(table)

    def _get(self, table: type[Row], key: object) -> Row | None:
        row = self.session.get(table, key)
        if row is not None:
            self._kept.append(row)
        return row


@lru_cache(maxsize=32)
def _recipe(text: str) -> Recipe:
    """A run's recipe does not change between two decisions, and checking it takes as long as they do."""
    return Recipe.model_validate_json(text)
