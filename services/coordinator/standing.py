"""Checks whether runs are stuck, and records the result: the run's cause, and an event when that changes.

What a run's state means, `stuck` decides; here it is gathered: counters, workers that reply, services that respond.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from threading import Thread

import structlog
from sqlmodel import col, select

from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.stuck import Scene, Standstill, standstill
from spar.db.tables import Run, Step
from spar.errors import ServiceError, SparError
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.event_names import EventName
from spar.messages.states import StepState
from spar.messages.stuck import Stuck, StuckCause
from spar.runtime.broker import Broker
from spar.runtime.broker_troubles import BrokerFull
from spar.runtime.census import Census, SeenWorker
from spar.store.base import ObjectStore

log = structlog.get_logger()

STORE_REPLY_S = 10.0
"""An object store that needs longer to report whether an object exists does not respond."""
VERSION = version("spar")


@dataclass(slots=True)
class _Pulse:
    """A run's counters as they last changed, and when that was."""

    counters: tuple[int, int]
    since: datetime


@dataclass(slots=True, kw_only=True)
class Standing:
    """`patience`: how long a run may be quiet. Not safe from several threads."""

    broker: Broker
    store: ObjectStore
    census: Census
    patience: timedelta
    _pulses: dict[str, _Pulse] = field(default_factory=dict)
    _looked: datetime | None = None
    _next: datetime | None = None

    def look(self, ledger: Ledger, paused: Callable[[str], Mapping[StepKind, Standstill]], now: datetime) -> None:
        """Record which running runs are stuck. `paused` returns a run's kinds that wait for their engine."""
        if self._looked is not None and now - self._looked > self.patience / 2:
            self._pulses.clear()  # the coordinator itself was absent: no run could make progress
        self._looked = now
        quiet = [run for run in ledger.runs_on() if self._is_quiet(ledger, run, now)]
        if not quiet or (self._next is not None and now < self._next):
            return
        self._next = now + self.patience / 10
        unanswering = [*self._unanswering()]
        workers = [] if unanswering else self._workers()
        for run in quiet:
            since = self._pulses[run.id].since
            scene = _scene(ledger, run, now - since, paused(run.id), unanswering, workers)
            _book(ledger, run, standstill(scene, self.patience), since)

    def _is_quiet(self, ledger: Ledger, run: Run, now: datetime) -> bool:
        """Whether no step of the run has ended for long. One that makes progress is no longer stuck."""
        counters = _counters(ledger, run)
        pulse = self._pulses.get(run.id)
        if pulse is None or pulse.counters != counters:
            self._pulses[run.id] = _Pulse(counters, now)
            if pulse is not None:
                _book(ledger, run, None, now)
            return False
        return now - pulse.since >= self.patience

    def _unanswering(self) -> Iterator[Standstill]:
        try:
            self.broker.try_write()
        except BrokerFull as error:
            yield Standstill(cause=StuckCause.BROKER_FULL, what=error.what, fix=error.fix)
        except ServiceError as error:
            yield Standstill(cause=StuckCause.BROKER, what=error.what, fix=error.fix)
        trouble = _within(STORE_REPLY_S, lambda: self.store.exists("models/ready"))
        if trouble is not None:
            yield Standstill(cause=StuckCause.STORE, what=trouble.what, fix=trouble.fix)

    def _workers(self) -> Sequence[SeenWorker] | None:
        try:
            return self.census.workers()
        except ServiceError:
            return None  # unknown


def _within(seconds: float, work: Callable[[], object]) -> SparError | None:
    """Why the check could not be done in time. A check that hangs is left to its thread."""
    done: Future[object] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            done.set_exception(error)

    Thread(target=run, name="spar-probe", daemon=True).start()
    try:
        done.result(seconds)
    except TimeoutError:
        return ServiceError(
            f"The object store has not answered within {seconds:.0f} s.",
            "Check that it runs and can be reached from the coordinator; the run resumes when it answers.",
        )
    except SparError as error:
        return error
    return None


def _counters(ledger: Ledger, run: Run) -> tuple[int, int]:
    """How many steps have ended, and how many there are."""
    counts = ledger.counts(run.id)
    ended = sum(number for key, number in counts.items() if key.state in (StepState.DONE, StepState.DEAD))
    return ended, counts.total()


def _scene(
    ledger: Ledger,
    run: Run,
    quiet: timedelta,
    paused: Mapping[StepKind, Standstill],
    unanswering: Sequence[Standstill],
    workers: Sequence[SeenWorker] | None,
) -> Scene:
    open_: dict[StepState, dict[StepKind, int]] = {}
    for key, number in ledger.counts(run.id).items():
        if key.state in (StepState.READY, *IN_FLIGHT):
            kinds = open_.setdefault(key.state, {})
            kinds[key.kind] = kinds.get(key.kind, 0) + number
    return Scene(
        quiet=quiet,
        ready=open_.get(StepState.READY, {}),
        sent=open_.get(StepState.DISPATCHED, {}),
        running=open_.get(StepState.RUNNING, {}),
        paused=paused,
        unanswering=unanswering,
        workers=workers,
        version=VERSION,
    )


def _book(ledger: Ledger, run: Run, found: Standstill | None, since: datetime) -> None:
    known = None if run.stuck is None else Stuck.model_validate(run.stuck)
    if found is None:
        if known is not None:
            run.stuck = None
            ledger.event(EventName.RUN_UNSTUCK, run.id, cause=known.cause)
        return
    stuck = Stuck(cause=found.cause, what=found.what, fix=found.fix, since=since)
    if known == stuck:
        return
    run.stuck = stuck.model_dump(mode="json")
    if known is not None and known.cause is found.cause and known.cause is not StuckCause.NO_WORKER:
        return  # an engine words the same failure in many ways
    log.error("run_stuck", run=run.id, cause=found.cause, what=found.what, fix=found.fix)
    ledger.event(EventName.RUN_STUCK, run.id, cause=found.cause, what=found.what, fix=found.fix)


_CAUSES = {
    FailureReason.ENGINE: StuckCause.ENGINE,
    FailureReason.ENGINE_UNAVAILABLE: StuckCause.ENGINE,
}


def paused_kinds(ledger: Ledger, run_id: str, why: Mapping[StepKind, FailureReason]) -> dict[StepKind, Standstill]:
    """The report for kinds whose circuit breaker is open: the last error of a step of the kind."""
    found = {}
    for kind, failure in why.items():
        query = select(Step.reason).where(Step.run_id == run_id, Step.kind == kind, col(Step.reason).is_not(None))
        reason = ledger.session.exec(query.order_by(col(Step.id).desc()).limit(1)).first()
        found[kind] = Standstill(
            cause=_CAUSES.get(failure, StuckCause.CIRCUIT_OPEN),
            what=f"{kind} steps fail and are paused: {reason or 'no reason was given'}",
            fix="Remove the cause that it names; a probe is sent every minute, and the run resumes with the first that "
            "succeeds.",
        )
    return found
