"""The coordinator: handles reports and the passing of time, one at a time, each as a `Transition` of a run.

The only writer of the database (except for `command`). One thread calls it; see `inbox`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from services.coordinator import commands, events, flow, pausing
from services.coordinator import lost_attempts as reconcile
from services.coordinator.attendance import Attendance
from services.coordinator.circuit_breaker import CircuitBreakers
from services.coordinator.fair_share import Load, in_flight_of_others, window_of
from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.ledger_memory import LedgerMemory
from services.coordinator.recompute.rows import reset_recompute_counts
from services.coordinator.snapshot import loads_of
from services.coordinator.standing import Standing, paused_kinds
from services.coordinator.stuck import Standstill
from services.coordinator.turn import BACK_OFF, Transition, open_turn
from spar.db.tables import Run, Step, utc_now
from spar.errors import ServiceError
from spar.messages.base import StepKind
from spar.messages.coordinator import (
    FailureReason,
    Report,
    StepFailed,
    StepFinished,
    StepReturned,
    StepStarted,
    TrainingProgressed,
    WorkerAlive,
)
from spar.messages.endings import EndReason, RunEnd
from spar.messages.evaluation import TASK as EVALUATE
from spar.messages.event_names import EventName
from spar.messages.facts import StepFacts
from spar.messages.generation import TASK as GENERATE
from spar.messages.judgment import COMPARE_TASK
from spar.messages.judgment import TASK as JUDGE
from spar.messages.refinement import TASK as REFINE
from spar.messages.states import RunStatus, StepState
from spar.messages.training import SELECT_TASK, TRAIN_TASK
from spar.runtime.app import COORDINATOR_QUEUE, QUEUES
from spar.runtime.broker import Broker
from spar.runtime.census import Census, Nobody
from spar.runtime.leases import Leases
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

AT_WORK = {FailureReason.TRAINER_BUSY}
"""Not a failure: an earlier attempt is still running, and this one came too early."""


ENDS = {
    FailureReason.STORE: EndReason.STORAGE,
    FailureReason.OBJECT_MISSING: EndReason.LOST_RESULT,
    FailureReason.OBJECT_CORRUPT: EndReason.LOST_RESULT,
}
"""How a run ends by an error of the coordinator's own work; any other error is a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorLimits:
    """Bounds of a coordinator: how many shard steps its workers hold, how many runs share them at the same time, and
    when silence counts as a loss."""

    window: int = 1024
    runs: int = 1
    lease: timedelta = timedelta(seconds=90)
    lost: timedelta = timedelta(seconds=30)
    stuck: timedelta = timedelta(minutes=5)


class Coordinator:
    """Handles one thing at a time: not safe from several threads."""

    def __init__(
        self,
        database: Engine,
        store: ObjectStore,
        broker: Broker,
        limits: CoordinatorLimits,
        now: Callable[[], datetime] = utc_now,
        census: Census | None = None,
    ) -> None:
        """`census` None: the workers are in this process."""
        self._database = database
        self._store = store
        self._broker = broker
        self._limits = limits
        self._breakers: defaultdict[str, CircuitBreakers] = defaultdict(CircuitBreakers)
        """By run: an engine that one recipe names must not stop the others."""
        self._memory = LedgerMemory()
        self._memory.watch(database)
        self._served: dict[str, int] = {}
        """When each run last sent a shard's step, as a number that grows."""
        self._clock = count()
        self._now = now
        self._standing = Standing(broker=broker, store=store, census=census or Nobody(), patience=limits.stuck)
        self._attendance = Attendance(within=limits.lease)
        self._at_work: str | None = None
        """The run that is being worked on, which fails if that raises."""

    def handle(self, report: Report) -> None:
        """Handle a worker's report and send what follows from it."""
        self._at_work = None
        match report:
            case WorkerAlive():
                with self._session() as ledger:
                    reconcile.renew(ledger, report, self._now())
            case StepStarted() | TrainingProgressed():
                with self._session() as ledger:
                    self._note(ledger, report)
            case StepFinished():
                self._take_turn(report.step_id, lambda turn, step: self._finished(turn, step, report))
            case StepFailed():
                self._take_turn(report.step_id, lambda turn, step: self._failed(turn, step, report))
            case StepReturned():
                self._take_turn(report.step_id, lambda turn, step: self._returned(turn, step, report))
        self._attendance.read()

    def tick(self) -> None:
        """Execute commands, check leases and lost attempts, start or continue runs, and record which are stuck, even
        when one of the former fails. Raises ServiceError; safe to repeat."""
        try:
            self._tick()
        finally:
            with self._session() as ledger:
                self._standing.look(ledger, partial(self._paused, ledger), self._now())

    def _paused(self, ledger: Ledger, run_id: str) -> dict[StepKind, Standstill]:
        return paused_kinds(ledger, run_id, self._breakers[run_id].reasons())

    def _tick(self) -> None:
        self._at_work = None
        self._take_commands()
        self._look()
        with self._session() as ledger:
            on = ledger.runs_on()
            runs = [*self._in_turn(on), *ledger.queued_runs(self._limits.runs - len(on))]
        for run in runs:
            self._push(run.id)
        self._share()

    def process_commands(self) -> None:
        """Execute the commands and end runs that are being cancelled, but start nothing: for a home in which nothing
        runs."""
        self._at_work = None
        self._take_commands()
        self._look()
        with self._session() as ledger:
            cancelling = [run.id for run in ledger.runs_on() if run.status is RunStatus.CANCELLING]
        for run_id in cancelling:
            self._push(run_id)

    def fail_run(self, what: str, fix: str = "", failure: FailureReason = FailureReason.UNEXPECTED) -> int:
        """Fail the run that was being worked on (else all running ones): another attempt would not help.

        Returns how many runs that failed.
        """
        with self._session() as ledger:
            runs = ledger.runs_on() if self._at_work is None else [ledger.run(self._at_work)]
            failed = [run for run in runs if not run.status.ended]
            for run in failed:
                end = RunEnd(reason=ENDS.get(failure, EndReason.INTERNAL), what=what, fix=fix, failure=failure)
                ledger.end_run(run, RunStatus.FAILED, end)
        return len(failed)

    def _take_commands(self) -> None:
        with self._session() as ledger:
            commands.handle_new(ledger)

    def _push(self, run_id: str, rest: bool = False) -> None:
        """Start a queued run, or check again what may be dispatched."""
        with self._session() as ledger:
            run = ledger.run(run_id)
            begin = run.status is RunStatus.QUEUED
            if begin:
                run.status, run.started_at = RunStatus.RUNNING, self._now()
                reset_recompute_counts(ledger, run_id)
                ledger.event(EventName.RUN_STARTED, run_id)
                self._breakers.pop(run_id, None)
            turn = self._open(ledger, run, rest)
            turn.apply(_begun(ledger, run) if begin else events.Woken())
        self._post(turn.outbox)

    def _share(self) -> None:
        """Share the window among running runs: first each its part, then any what is left."""
        if self._limits.runs == 1:
            return
        for rest in (False, True):
            with self._session() as ledger:
                loads = self._loads(ledger)
            for load in loads:
                if load.ready and self._room(load.run_id, loads, rest) > load.in_flight:
                    self._push(load.run_id, rest)

    def _look(self) -> None:
        """Find lost attempts; after an absence of our own, first read the reports that were sent meanwhile."""
        now = self._now()
        absent = self._attendance.absent_for(now)
        if absent is not None:
            unread = self._broker.waiting(COORDINATOR_QUEUE)
            self._attendance.returned(unread)
            if absent:
                log.warning("coordinator_absent", seconds=absent.total_seconds(), unread=unread)
                with self._session() as ledger:
                    for run in ledger.runs_on():
                        ledger.event(EventName.COORDINATOR_ABSENT, run.id, seconds=round(absent.total_seconds(), 1))
        self._reconcile(now)
        waiting = not self._attendance.judges and self._broker.waiting(COORDINATOR_QUEUE) > 0
        self._attendance.looked(self._now(), waiting)

    def _reconcile(self, now: datetime) -> None:
        loss = self._broker.loss()
        leases = Leases(lease=self._limits.lease, lost=self._limits.lost)
        with self._session() as ledger:
            lost = reconcile.lost_steps(ledger, self._broker, loss, leases, self._attendance, now)
            lost_ids = [(step.id or 0, why) for step, why in lost]
        for step_id, why in lost_ids:
            self._take_turn(step_id, partial(reconcile.give_up, why=why, now=now))

    def _note(self, ledger: Ledger, report: StepStarted | TrainingProgressed) -> None:
        step = ledger.step(report.step_id)
        if step is None or step.attempt != report.attempt or step.state not in IN_FLIGHT:
            return
        now = self._now()
        if isinstance(report, StepStarted):
            ledger.move(step, StepState.RUNNING, worker=report.worker, started_at=now, alive_at=now)
        else:
            step.alive_at = now
            ledger.training_progressed(step, report.step, report.steps, report.loss)

    def _finished(self, turn: Transition, step: Step, report: StepFinished) -> None:
        facts = StepFacts.of(report)
        result = turn.ledger.register_result(report.fingerprint, report.key, report.size, facts)
        turn.ledger.spend(step, report.usage)
        if step.state in (StepState.DONE, StepState.DEAD) or step.fingerprint != report.fingerprint:
            # What follows a dead step has been decided; the result is there if the step is replayed.
            return
        if not turn.run.status.on:
            # Nothing may follow now. When the run is resumed, the step finds its result at dispatch.
            turn.ledger.move(step, StepState.READY)
            return
        pausing.succeeded(turn, step, self._breakers[turn.run.id], self._now())
        # An older attempt's result is as good as the newer's, since the fingerprints are equal.
        step.worker = report.worker
        turn.complete(step, result.key, facts)
        turn.apply(events.Woken())

    def _returned(self, turn: Transition, step: Step, report: StepReturned) -> None:
        if step.attempt == report.attempt and step.state in IN_FLIGHT:
            reconcile.hand_back(turn, step, report.worker)

    def _failed(self, turn: Transition, step: Step, report: StepFailed) -> None:
        if step.attempt != report.attempt or step.state not in IN_FLIGHT:
            return
        now = self._now()
        log.warning(
            "attempt_failed", step=step.id, kind=step.kind, part=step.part, reason=report.reason, error=report.error
        )
        turn.ledger.event(
            EventName.ATTEMPT_FAILED,
            turn.run.id,
            step=step.id,
            step_kind=step.kind,
            part=step.part,
            attempt=report.attempt,
            reason=report.reason,
            error=report.error,
        )
        if report.lost is not None:
            turn.handle_lost(step, report.lost, f"{report.reason}: {report.error}", now)
            return
        if report.reason in AT_WORK:
            turn.ledger.move(step, StepState.READY, reason=report.error, not_before=now + BACK_OFF)
            turn.apply(events.Woken())
            return
        pausing.failed(turn, step, report, self._breakers[turn.run.id], now)
        turn.apply(events.Woken())

    # ---- sessions ----

    @contextmanager
    def _session(self) -> Iterator[Ledger]:
        # Objects stay readable after the commit: the outbox is sent from them.
        try:
            with Session(self._database, expire_on_commit=False) as session, session.begin():
                session.connection()  # replaces one that was lost
                self._memory.check()
                yield Ledger(session, self._memory)
        except BaseException:
            self._memory.forget()
            raise

    def _open(self, ledger: Ledger, run: Run, rest: bool = False) -> Transition:
        self._at_work = run.id
        window = self._limits.window
        if ledger.run_ids_on() not in ([run.id], []):
            window = self._room(run.id, self._loads(ledger), rest)
        return open_turn(ledger, self._store, run, window, self._breakers[run.id].open(self._now()))

    def _room(self, run_id: str, loads: list[Load], rest: bool) -> int:
        """How many of the run's shard steps may be in flight: its part, or, with `rest`, all the room that the others
        leave."""
        if rest:
            return self._limits.window - in_flight_of_others(run_id, loads)
        return window_of(run_id, loads, self._limits.window)

    def _loads(self, ledger: Ledger) -> list[Load]:
        """The running runs, the one that has waited longest for its turn first."""
        return loads_of(ledger, self._in_turn(ledger.runs_on()))

    def _in_turn(self, runs: list[Run]) -> list[Run]:
        return sorted(runs, key=lambda run: self._served.get(run.id, -1))

    def _take_turn(self, step_id: int, work: Callable[[Transition, Step], None]) -> None:
        """Do the work in a turn of the step's run; the messages in its outbox are sent after the commit."""
        with self._session() as ledger:
            step = ledger.step(step_id)
            if step is None:
                # Of a former database: its runs are gone with it.
                log.warning("unknown_step", step=step_id)
                return
            turn = self._open(ledger, ledger.run(step.run_id))
            work(turn, step)
        self._post(turn.outbox)
        self._share()

    def _post(self, steps: list[Step]) -> None:
        for step in steps:
            if step.kind not in flow.WHOLE_ITERATION:
                self._served[step.run_id] = next(self._clock)
            try:
                self._broker.send(TASKS[step.kind], QUEUES[step.kind], step.message)
            except ServiceError as error:
                # The step is dispatched and its queue stays empty: the next reconciliation sends it again.
                log.warning("message_not_sent", step=step.id, error=str(error))


def _begun(ledger: Ledger, run: Run) -> events.Event:
    return events.RunBegun() if ledger.current(run) is None else events.RunResumed()
