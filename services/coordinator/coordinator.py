"""The coordinator itself: takes reports and the passing of time, one at a time, and turns each into a `Turn`.

The only writer of the database (but for `command`). One thread calls it; see `inbox`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from services.coordinator import commands, flow, reconcile
from services.coordinator.health import EngineHealth
from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.turn import Turn, open_turn
from spar.db.tables import Run, Step, utc_now
from spar.errors import EngineUnavailable, ServiceError, StoreError
from spar.messages.base import StepKind
from spar.messages.coordinator import (
    Report,
    StepFailed,
    StepFinished,
    StepStarted,
    TrainingProgressed,
    WorkerAlive,
)
from spar.messages.evaluation import TASK as EVALUATE
from spar.messages.generation import TASK as GENERATE
from spar.messages.judgment import COMPARE_TASK
from spar.messages.judgment import TASK as JUDGE
from spar.messages.refinement import TASK as REFINE
from spar.messages.states import RunStatus, StepState
from spar.messages.training import SELECT_TASK, TRAIN_TASK
from spar.runtime.app import QUEUES
from spar.runtime.broker import Broker
from spar.store.base import ObjectStore

log = structlog.get_logger()

TASKS = {
    StepKind.GENERATION: GENERATE,
    StepKind.JUDGMENT: JUDGE,
    StepKind.COMPARISON: COMPARE_TASK,
    StepKind.REFINEMENT: REFINE,
    StepKind.SELECTION: SELECT_TASK,
    StepKind.TRAINING: TRAIN_TASK,
    StepKind.EVALUATION: EVALUATE,
}

ENVIRONMENT_ILL = {EngineUnavailable.__name__, ServiceError.__name__}
"""Reasons of a failure that pass by themselves: the step is tried again when they have."""
STORAGE_LOST = {StoreError.__name__}
"""A full disk or the like: nothing more can be kept until someone has mended it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a coordinator: how many shard steps its workers hold, and when silence counts as loss."""

    window: int = 1024
    lease: timedelta = timedelta(seconds=90)
    lost: timedelta = timedelta(seconds=30)


class Coordinator:
    """Handles one thing at a time: not safe from several threads."""

    def __init__(self, database: Engine, store: ObjectStore, broker: Broker, limits: Limits) -> None:
        self._database = database
        self._store = store
        self._broker = broker
        self._limits = limits
        self._health = EngineHealth()

    def handle(self, report: Report) -> None:
        """Book a worker's report and send what follows from it."""
        match report:
            case WorkerAlive():
                with self._session() as ledger:
                    reconcile.renew(ledger, report, utc_now())
            case StepStarted() | TrainingProgressed():
                with self._session() as ledger:
                    self._note(ledger, report)
            case StepFinished():
                self._take_turn(report.step_id, lambda turn, step: self._finished(turn, step, report))
            case StepFailed():
                self._take_turn(report.step_id, lambda turn, step: self._failed(turn, step, report))

    def tick(self) -> None:
        """Look at commands, leases and losses; start or go on with a run. Raises ServiceError; safe to repeat."""
        now = utc_now()
        self._take_commands()
        self._reconcile(now)
        with self._session() as ledger:
            run = ledger.active_run()
        if run is not None:
            self._push(run.id)

    def settle(self) -> None:
        """Take the commands and end what is being cancelled, but begin nothing: for a home in which nothing runs."""
        self._take_commands()
        self._reconcile(utc_now())
        with self._session() as ledger:
            run = ledger.active_run()
        if run is not None and run.status is RunStatus.CANCELLING:
            self._push(run.id)

    def fail_active_run(self, reason: str) -> None:
        """Stop the run that is on: something is wrong that no other attempt will mend."""
        with self._session() as ledger:
            run = ledger.active_run()
            if run is not None:
                run.status, run.reason, run.finished_at = RunStatus.FAILED, reason, utc_now()
                ledger.event("run_failed", run.id, reason=reason)

    def _take_commands(self) -> None:
        with self._session() as ledger:
            commands.handle_new(ledger)

    def _push(self, run_id: str) -> None:
        """Begin a queued run, or look again what may be dispatched."""
        with self._session() as ledger:
            turn = self._open(ledger, ledger.run(run_id))
            begin = turn.run.status is RunStatus.QUEUED
            if begin:
                turn.run.status, turn.run.started_at = RunStatus.RUNNING, utc_now()
                ledger.event("run_begun", run_id)
            turn.happen(flow.RunBegun() if begin and turn.run.iteration == 0 else flow.Woken())
        self._post(turn.outbox)

    def _reconcile(self, now: datetime) -> None:
        loss = self._broker.loss()
        with self._session() as ledger:
            lost = reconcile.lost_steps(ledger, self._broker, loss, self._limits.lease, self._limits.lost, now)
            lost_ids = [(step.id or 0, why) for step, why in lost]
        for step_id, why in lost_ids:
            self._take_turn(step_id, partial(reconcile.give_up, why=why, now=now))

    def _note(self, ledger: Ledger, report: StepStarted | TrainingProgressed) -> None:
        step = ledger.step(report.step_id)
        if step is None or step.attempt != report.attempt or step.state not in IN_FLIGHT:
            return
        now = utc_now()
        if isinstance(report, StepStarted):
            ledger.move(step, StepState.RUNNING, worker=report.worker, started_at=now, alive_at=now)
        else:
            step.alive_at = now
            ledger.training_progressed(step, report.step, report.steps, report.loss)

    def _finished(self, turn: Turn, step: Step, report: StepFinished) -> None:
        facts = {
            "seconds": report.seconds,
            "worker": report.worker,
            "usage": report.usage.model_dump(),
            "counts": report.counts,
        }
        result = turn.ledger.register_result(report.fingerprint, report.key, report.size, facts)
        turn.ledger.spend(step, report.usage)
        if step.state in (StepState.DONE, StepState.DEAD) or step.fingerprint != report.fingerprint:
            # What came after a dead step has been decided; the result is there if the step is replayed.
            return
        if not turn.run.status.on:
            # Nothing may follow now. When the run goes on, the step finds its result at dispatch.
            turn.ledger.move(step, StepState.READY)
            return
        self._health.recovered(step.kind)
        # An older attempt's result is as good as the newer's: the fingerprint says so.
        step.worker = report.worker
        turn.sick.pop(step.kind, None)
        turn.settle(step, result.key, facts)
        turn.happen(flow.Woken())

    def _failed(self, turn: Turn, step: Step, report: StepFailed) -> None:
        if step.attempt != report.attempt or step.state not in IN_FLIGHT:
            return
        now = utc_now()
        log.warning(
            "step_failed", step=step.id, kind=step.kind, part=step.part, reason=report.reason, error=report.error
        )
        turn.ledger.event(
            "step_failed",
            turn.run.id,
            step=step.id,
            step_kind=step.kind,
            part=step.part,
            attempt=report.attempt,
            reason=report.reason,
            error=report.error,
        )
        if report.reason in STORAGE_LOST:
            turn.ledger.move(step, StepState.READY, reason=report.error)
            turn.happen(flow.StorageLost(report.error))
            return
        if report.reason in ENVIRONMENT_ILL:
            given_up = self._health.failed(step.kind, now)
            turn.sick = self._health.sick(now)
            # The engine or a service is ill, not the step: it goes back without a failure of its own.
            turn.ledger.move(step, StepState.READY, reason=report.error)
            turn.happen(flow.EngineLost(report.error) if given_up else flow.Woken())
            return
        turn.fail(step, f"{report.reason}: {report.error}", report.retry, now)
        turn.happen(flow.Woken())

    # ---- sessions ----

    @contextmanager
    def _session(self) -> Iterator[Ledger]:
        # Objects stay readable after the commit: the outbox is sent from them.
        with Session(self._database, expire_on_commit=False) as session, session.begin():
            yield Ledger(session)

    def _open(self, ledger: Ledger, run: Run) -> Turn:
        return open_turn(ledger, self._store, run, self._limits.window, self._health.sick(utc_now()))

    def _take_turn(self, step_id: int, work: Callable[[Turn, Step], None]) -> None:
        """Do the work in a turn over the step's run; what it put into the outbox leaves once it is committed."""
        with self._session() as ledger:
            step = ledger.step(step_id)
            if step is None:
                # Of a database that is gone: its runs are gone with it.
                log.warning("unknown_step", step=step_id)
                return
            turn = self._open(ledger, ledger.run(step.run_id))
            work(turn, step)
        self._post(turn.outbox)

    def _post(self, steps: list[Step]) -> None:
        for step in steps:
            try:
                self._broker.send(TASKS[step.kind], QUEUES[step.kind], step.message)
            except ServiceError as error:
                # The step says dispatched and its queue stays empty: reconcile sends it again.
                log.warning("message_not_sent", step=step.id, error=str(error))
