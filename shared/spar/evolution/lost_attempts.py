"""Looks now and then for attempts that are lost, and tells once of what only waiting can mend. Sends nothing."""

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
    """Who looks on, for a person."""

    def ended(self, shards: int) -> None:
        """So many shards have ended."""
        ...

    def noticed(self, what: str) -> None:
        """Something went wrong that needs no help, or may soon need some."""
        ...


@dataclass(slots=True, kw_only=True)
class Lookout:
    """`watch` None: nothing can be lost."""

    watch: LossWatch | None
    flights: Flights
    watcher: EvolveWatcher
    now: Callable[[], datetime]
    _begun: datetime | None = None
    _next: datetime | None = None
    _looked: datetime | None = None
    _away: bool = False
    _told_of_nobody: bool = False

    def in_s(self) -> float | None:
        """Seconds until the next look is due; None: there is none."""
        if self.watch is None:
            return None
        now = self.now()
        self._begun = self._begun or now
        self._next = self._next or now + timedelta(seconds=self.watch.every_s)
        return max(0.0, (self._next - now).total_seconds())

    def look(self) -> list[tuple[ShardStep, LostReason]]:
        """What nobody works on any more, no longer in flight. Raises ServiceError."""
        if self.watch is None:
            return []
        loss, now = self.watch.broker.loss(), self.now()
        if self._away or (self._looked is not None and now - self._looked > self.watch.leases.lease):
            # Neither could a process that was suspended itself hear anything.
            self._away = False
            self.flights.forgive(now)
        self._looked = now
        self._tell_if_nobody_begins(self.watch, now)
        self._next = None
        return self.flights.take_lost(self.watch, loss, now)

    def away(self, error: ServiceError) -> None:
        """The broker is: told once for each time. `next_report` waits for it."""
        self._next = None
        if not self._away:
            self._away = True
            self.watcher.noticed(f"{error.what} This waits for it.")

    def _tell_if_nobody_begins(self, watch: LossWatch, now: datetime) -> None:
        waited = now - (self._begun or now)
        if self._told_of_nobody or self.flights.heard or waited <= watch.leases.lost:
            return
        self._told_of_nobody = True
        messages = watch.broker.waiting(QUEUE)
        self.watcher.noticed(
            f"No worker has begun a step in {waited.total_seconds():.0f} s; {messages} messages wait "
            f"in the queue {QUEUE}. Check that generation workers run; this resumes when they do."
        )
