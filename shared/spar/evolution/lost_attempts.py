"""Periodically finds lost attempts, and reports once what only waiting can resolve. Sends nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from spar.errors import ServiceError
from spar.evolution.attempts import Flights
from spar.evolution.queue import QUEUE, LossWatch
from spar.evolution.steps import ShardStep
from spar.runtime.leases import LostReason


class EvolveWatcher(Protocol):
    """Reports an evolution's progress to its user."""

    def ended(self, shards: int) -> None:
        """This many shards have ended."""
        ...

    def noticed(self, what: str) -> None:
        """Something went wrong that resolves itself, or may soon need attention."""
        ...


@dataclass(slots=True, kw_only=True)
class Lookout:
    """`watch` None: attempts cannot be lost."""

    watch: LossWatch | None
    flights: Flights
    watcher: EvolveWatcher
    now: Callable[[], datetime]
    _started: datetime | None = None
    _next: datetime | None = None
    _last_check: datetime | None = None
    _unreachable: bool = False
    _reported_missing_workers: bool = False

    def in_s(self) -> float | None:
        """Seconds until the next check is due; None: never."""
        if self.watch is None:
            return None
        now = self.now()
        self._started = self._started or now
        self._next = self._next or now + timedelta(seconds=self.watch.every_s)
        return max(0.0, (self._next - now).total_seconds())

    def look(self) -> list[tuple[ShardStep, LostReason]]:
        """Remove and return the lost attempts. Raises ServiceError."""
        if self.watch is None:
            return []
        loss, now = self.watch.broker.loss(), self.now()
        if self._unreachable or (self._last_check is not None and now - self._last_check > self.watch.leases.lease):
            # A process that was itself suspended could not receive reports either.
            self._unreachable = False
            self.flights.restart_silence(now)
        self._last_check = now
        self._report_missing_workers(self.watch, now)
        self._next = None
        return self.flights.take_lost(self.watch, loss, now)

    def broker_unreachable(self, error: ServiceError) -> None:
        """Report once per outage. `next_report` waits for the broker."""
        self._next = None
        if not self._unreachable:
            self._unreachable = True
            self.watcher.noticed(f"{error.what} Waiting until it is reachable.")

    def _report_missing_workers(self, watch: LossWatch, now: datetime) -> None:
        waited = now - (self._started or now)
        if self._reported_missing_workers or self.flights.heard or waited <= watch.leases.lost:
            return
        self._reported_missing_workers = True
        messages = watch.broker.waiting(QUEUE)
        self.watcher.noticed(
            f"No worker has started a step in {waited.total_seconds():.0f} s; {messages} messages wait "
            f"in the queue {QUEUE}. Check that generation workers are running; this resumes when they are."
        )
