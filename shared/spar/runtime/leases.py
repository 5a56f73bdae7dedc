"""When silence counts as a loss: which attempts in flight no worker holds any more. Pure; knows no tables and no clock.

A running attempt without a heartbeat for the length of a lease is lost. A dispatched one never expires by age, since a
backlog is not a loss; it is lost when the broker was emptied, or when its queue is empty and it has waited long enough
for a `started`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from spar.runtime.broker import BrokerReset


class LostReason(StrEnum):
    """Why an attempt counts as lost."""

    SILENT = "lease_expired"
    NEVER_ARRIVED = "message_lost"
    BROKER_EMPTIED = "broker_emptied"
    PROCESS_GONE = "process_gone"

    @property
    def explanation(self) -> str:
        """What happened, and what to do, in two sentences."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    LostReason.SILENT: "lease_expired: its worker has given no sign of life for a whole lease. Look at that worker's "
    "log and memory; the step gets another attempt.",
    LostReason.NEVER_ARRIVED: "message_lost: its queue is empty, and no worker has reported that it began. Look at "
    "Redis's log; the step is sent again.",
    LostReason.BROKER_EMPTIED: "broker_emptied: Redis has lost its messages. Look at its memory and persistence; the "
    "step is sent again.",
    LostReason.PROCESS_GONE: "process_gone: the process that held the step has ended. Nothing needs to be done; the "
    "step is sent again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """The bounds; those of processes come from their settings."""

    lease: timedelta = timedelta(seconds=90)  # three missed heartbeats
    lost: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStatus:
    """What is known of an attempt in flight: whether a worker reported its start, and when the last heartbeat came."""

    running: bool
    sent_at: datetime | None
    alive_at: datetime | None

    def heard_since(self, since: datetime) -> "AttemptStatus":
        """The same for a coordinator that could receive nothing before then."""
        sent_at, alive_at = (at and max(at, since) for at in (self.sent_at, self.alive_at))
        return AttemptStatus(running=self.running, sent_at=sent_at, alive_at=alive_at)


def lost_reason(
    signs: AttemptStatus, loss: BrokerReset, leases: Leases, waiting: Callable[[], int], now: datetime
) -> LostReason | None:
    """Why the attempt is lost; None: it is not. `waiting` counts the messages in its queue, and is called only if that
    decides it."""
    if loss is BrokerReset.EVERYTHING:
        return LostReason.PROCESS_GONE
    if signs.running:
        silent = signs.alive_at is not None and now - signs.alive_at > leases.lease
        return LostReason.SILENT if silent else None
    if loss is BrokerReset.MESSAGES:
        return LostReason.BROKER_EMPTIED
    overdue = signs.sent_at is not None and now - signs.sent_at > leases.lost
    return LostReason.NEVER_ARRIVED if overdue and waiting() == 0 else None
