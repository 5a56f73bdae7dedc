"""The attempts in flight, with the last sign of life of each. `spar.runtime.leases` decides when one counts as lost."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from spar.evolution.queue import QUEUE, LossWatch
from spar.evolution.steps import ShardStep
from spar.messages.coordinator import LeasedAttempt, StepStarted, WorkerAlive
from spar.runtime.broker import BrokerReset
from spar.runtime.leases import AttemptStatus, LostReason, lost_reason


@dataclass(slots=True)
class _Flight:
    step: ShardStep
    sent_at: datetime
    alive_at: datetime | None = None


@dataclass(slots=True)
class Flights:
    """Attempts by step id, the newest of each step. `heard`: a worker has reported that it started one."""

    heard: bool = False
    _by_id: dict[int, _Flight] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_id)

    def begin(self, step: ShardStep, now: datetime) -> None:
        self._by_id[step.id] = _Flight(step, now)

    def end(self, step_id: int, attempt: int | None = None) -> ShardStep | None:
        """Remove and return the step if this attempt of it is in flight; without `attempt`, any."""
        flight = self._by_id.get(step_id)
        if flight is None or attempt not in (None, flight.step.attempt):
            return None
        return self._by_id.pop(step_id).step

    def note(self, report: StepStarted | WorkerAlive, now: datetime) -> None:
        """Record that a worker started or still holds attempts."""
        self.heard = True
        attempts = (
            report.held
            if isinstance(report, WorkerAlive)
            else (LeasedAttempt(step_id=report.step_id, attempt=report.attempt),)
        )
        for held in attempts:
            flight = self._by_id.get(held.step_id)
            if flight is not None and flight.step.attempt == held.attempt:
                flight.alive_at = now

    def restart_silence(self, now: datetime) -> None:
        """Restart the silence clock of every attempt, since no report could arrive until now."""
        for flight in self._by_id.values():
            flight.sent_at = now
            flight.alive_at = flight.alive_at and now

    def take_lost(self, watch: LossWatch, loss: BrokerReset, now: datetime) -> list[tuple[ShardStep, LostReason]]:
        """Remove and return the lost ones, each with the reason. Raises ServiceError without removing any."""
        waiting = cache(lambda: watch.broker.waiting(QUEUE))
        found = []
        for flight in self._by_id.values():
            signs = AttemptStatus(running=flight.alive_at is not None, sent_at=flight.sent_at, alive_at=flight.alive_at)
            why = lost_reason(signs, loss, watch.leases, waiting, now)
            if why is not None:
                found.append((flight.step, why))
        for step, _ in found:
            del self._by_id[step.id]
        return found
