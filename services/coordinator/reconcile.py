"""Finds what was lost: workers that fell silent, messages that never arrived. The leases of our own.

A step is dispatched, running or done. Running without a sign of life for a lease: another attempt. Dispatched never
expires by age, for a backlog is not a loss; it does when the broker was emptied, or when its queue is empty and it
has waited long enough for a `started`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from services.coordinator import events
from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.turn import Turn
from spar.db.tables import Step
from spar.messages.coordinator import WorkerAlive
from spar.messages.states import StepState
from spar.runtime.app import QUEUES
from spar.runtime.broker import Broker, Loss

log = structlog.get_logger()

SILENT = "lease_expired"
NEVER_ARRIVED = "message_lost"
BROKER_EMPTIED = "broker_emptied"
PROCESS_GONE = "process_gone"


def renew(ledger: Ledger, alive: WorkerAlive, now: datetime) -> None:
    """A worker lives: so do the attempts it holds."""
    for held in alive.held:
        step = ledger.step(held.step_id)
        if step is None or step.attempt != held.attempt or step.state not in IN_FLIGHT:
            continue
        if step.state is StepState.DISPATCHED:  # its `started` was lost
            ledger.move(step, StepState.RUNNING, worker=alive.worker, started_at=now)
        step.alive_at = now


def lost_steps(
    ledger: Ledger, broker: Broker, loss: Loss, lease: timedelta, lost: timedelta, now: datetime
) -> Iterator[tuple[Step, str]]:
    """The steps in flight that nobody works on, each with the reason."""
    waiting: dict[str, int] = {}
    for step in ledger.steps_in(IN_FLIGHT):
        if loss is Loss.EVERYTHING:
            yield step, PROCESS_GONE
        elif step.state is StepState.RUNNING:
            if step.alive_at is not None and now - step.alive_at > lease:
                yield step, SILENT
        elif loss is Loss.MESSAGES:
            yield step, BROKER_EMPTIED
        elif step.dispatched_at is not None and now - step.dispatched_at > lost:
            queue = QUEUES[step.kind]
            if queue not in waiting:
                waiting[queue] = broker.waiting(queue)
            if waiting[queue] == 0:
                yield step, NEVER_ARRIVED


def give_up(turn: Turn, step: Step, why: str, now: datetime) -> None:
    """End the attempt. A silent worker counts as a failure of the step; a lost message does not."""
    log.info("step_lost", step=step.id, kind=step.kind, part=step.part, reason=why)
    turn.ledger.event("step_lost", turn.run.id, step=step.id, step_kind=step.kind, part=step.part, reason=why)
    if why == SILENT:
        turn.fail(step, why, True, now)
    else:
        turn.ledger.move(step, StepState.READY, reason=why)
    turn.happen(events.Woken())
