"""Finds lost attempts: workers that fell silent, messages that never arrived. The coordinator's own leases.

When an attempt in flight counts as lost, `spar.runtime.leases` decides; the step then gets another one.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache, partial

import structlog

from services.coordinator import events
from services.coordinator.attendance import Attendance
from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.pauses import pause_after
from services.coordinator.turn import Transition
from spar.db.tables import Step
from spar.messages.coordinator import WorkerAlive
from spar.messages.event_names import EventName
from spar.messages.states import StepState
from spar.runtime.app import QUEUES
from spar.runtime.broker import Broker, BrokerReset
from spar.runtime.leases import AttemptStatus, Leases, LostReason, lost_reason

log = structlog.get_logger()

RETURNED = "returned: its worker stopped and returned it. Nothing needs to be done; another worker gets it at once."


def renew(ledger: Ledger, alive: WorkerAlive, now: datetime) -> None:
    """A worker is alive: so are the attempts it holds."""
    for held in alive.held:
        step = ledger.step(held.step_id)
        if step is None or step.attempt != held.attempt or step.state not in IN_FLIGHT:
            continue
        if step.state is StepState.DISPATCHED:  # its `started` was lost
            ledger.move(step, StepState.RUNNING, worker=alive.worker, started_at=now)
        step.alive_at = now


def lost_steps(
    ledger: Ledger, broker: Broker, loss: BrokerReset, leases: Leases, attendance: Attendance, now: datetime
) -> Iterator[tuple[Step, LostReason]]:
    """The steps in flight that no worker holds, each with the reason. Silence counts only while reports could be
    received."""
    waiting, since = cache(broker.waiting), attendance.since or now
    for step in ledger.steps_in(IN_FLIGHT):
        signs = AttemptStatus(
            running=step.state is StepState.RUNNING, sent_at=step.dispatched_at, alive_at=step.alive_at
        ).heard_since(since)
        why = lost_reason(signs, loss, leases, partial(waiting, QUEUES[step.kind]), now)
        if why is not None:
            yield step, why


def give_up(turn: Transition, step: Step, why: LostReason, now: datetime) -> None:
    """End the attempt: the environment's fault, so the step is not charged.

    A worker that fell silent may have been killed by the step itself, so each further attempt that was lost without a
    failure of the step makes the next wait longer.
    """
    log.info("attempt_lost", step=step.id, kind=step.kind, part=step.part, reason=why.value)
    turn.ledger.event(
        EventName.ATTEMPT_LOST, turn.run.id, step=step.id, step_kind=step.kind, part=step.part, reason=why.value
    )
    if why is LostReason.SILENT:
        pause = pause_after(step.attempt - step.failures)
        turn.ledger.move(step, StepState.READY, reason=why.explanation, not_before=now + pause)
    else:
        turn.ledger.move(step, StepState.READY, reason=why.explanation)
    turn.apply(events.Woken())


def hand_back(turn: Transition, step: Step, worker: str) -> None:
    """A worker that stops returned the attempt: another may start it at once."""
    log.info("attempt_returned", step=step.id, kind=step.kind, part=step.part, worker=worker)
    turn.ledger.event(
        EventName.ATTEMPT_RETURNED, turn.run.id, step=step.id, step_kind=step.kind, part=step.part, worker=worker
    )
    turn.ledger.move(step, StepState.READY, reason=RETURNED)
    turn.apply(events.Woken())
