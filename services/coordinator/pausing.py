"""What a circuit breaker's verdict changes in the database: steps returned uncharged, one alarm, a failed run.

Whose fault a failure is, `circuit_breaker` decides; what follows from a run's end, `flow`.
"""

from datetime import datetime, timedelta

import structlog
from sqlmodel import col, select

from services.coordinator import events
from services.coordinator.circuit_breaker import REPEATS, UNAVAILABLE, Blame, CircuitBreakers, Failure
from services.coordinator.ledger import IN_FLIGHT
from services.coordinator.turn import Transition
from spar.db.tables import Step
from spar.messages.base import SHARD_KINDS
from spar.messages.coordinator import FailureReason, StepFailed
from spar.messages.event_names import EventName
from spar.messages.states import IterationStatus, StepState

log = structlog.get_logger()

TURN_OF_OTHERS = timedelta(seconds=1)
"""After a pause: so that the next probe is another step than the one that failed, if there is another."""


def failed(turn: Transition, step: Step, report: StepFailed, breakers: CircuitBreakers, now: datetime) -> None:
    """Record a failed attempt as the step's own failure, or as one of the environment."""
    if not turn.run.status.on:
        turn.fail(step, report.error, report.reason, report.retry, now)
        return
    last = not report.retry or step.failures + 1 >= turn.recipe.dispatch.attempts
    failure = Failure(
        kind=step.kind, step=step.id or 0, reason=report.reason, error=report.error, last=last, proven=_proven(turn)
    )
    verdict = breakers.failed(failure, now, timedelta(seconds=turn.recipe.dispatch.engine_wait_s))
    if verdict is Blame.STEP:
        turn.fail(step, f"{report.reason}: {report.error}", report.reason, report.retry, now)
        return
    _give_back(turn, step, report.error, breakers, now)
    if verdict is Blame.OPENED:
        _opened(turn, step, report, breakers, now)
    if verdict is Blame.GIVEN_UP:
        _give_up(turn, step, report, breakers, now)
    turn.probe_limits = breakers.open(now)


def succeeded(turn: Transition, step: Step, breakers: CircuitBreakers, now: datetime) -> None:
    """Close the breaker of the step's kind, if this success shows that the fault has passed."""
    was_open = breakers.succeeded(step.kind, step.id or 0, step.dispatched_at, now)
    turn.probe_limits = breakers.open(now)
    if was_open is None:
        return
    for waiting in _waiting(turn, step):
        waiting.not_before = None
    seconds = round(was_open.total_seconds(), 1)
    log.info("circuit_closed", kind=step.kind, seconds=seconds)
    turn.ledger.event(EventName.CIRCUIT_CLOSED, turn.run.id, step_kind=step.kind, seconds=seconds)


def _proven(turn: Transition) -> bool:
    """Whether a step that calls a model has succeeded in this run."""
    counters = turn.ledger.counts(turn.run.id).items()
    return any(number for key, number in counters if key.kind in SHARD_KINDS and key.state is StepState.DONE)


def _give_back(turn: Transition, step: Step, error: str, breakers: CircuitBreakers, now: datetime) -> None:
    until = breakers.until(step.kind) or now
    turn.ledger.move(step, StepState.READY, reason=error, not_before=until + TURN_OF_OTHERS)


def _opened(turn: Transition, step: Step, report: StepFailed, breakers: CircuitBreakers, now: datetime) -> None:
    """The failures of the steps by this error are not charged to them."""
    for suspect_id, failures in breakers.suspects(step.kind).items():
        suspect = turn.ledger.step(suspect_id)
        if suspect is None or suspect.state is StepState.DONE:
            continue
        charged = failures if suspect.id != step.id else failures - 1  # this attempt has not been charged
        suspect.failures = max(0, suspect.failures - charged)
        if suspect.state is StepState.DEAD and _counts_still(turn, suspect):
            turn.ledger.move(suspect, StepState.READY, reason=report.error, failure=None, finished_at=None)
    wait_s = turn.recipe.dispatch.engine_wait_s
    news = breakers.alarms(step.kind, now)
    if news:
        log.warning("circuit_opened", kind=step.kind, error=report.error, wait_s=wait_s)
    turn.ledger.event(
        EventName.CIRCUIT_OPENED if news else EventName.CIRCUIT_REOPENED,
        turn.run.id,
        step_kind=step.kind,
        reason=report.reason,
        error=report.error,
        wait_s=wait_s,
    )


def _counts_still(turn: Transition, step: Step) -> bool:
    current = turn.ledger.current(turn.run)
    here = current is not None and current.index == step.iteration and current.status is IterationStatus.SHARDS
    return here and step.kind in SHARD_KINDS


def _give_up(turn: Transition, step: Step, report: StepFailed, breakers: CircuitBreakers, now: datetime) -> None:
    suspects = [each for each in map(turn.ledger.step, breakers.suspects(step.kind)) if each is not None]
    open_suspects = [each for each in suspects if each.state is StepState.READY]
    breakers.reset(step.kind)
    if report.reason in UNAVAILABLE:
        lost = events.EngineLost if report.reason is FailureReason.ENGINE_UNAVAILABLE else events.StorageLost
        turn.apply(lost(report.error, report.reason))
        return
    ids = {each.id for each in suspects}
    others = [each for each in (*_waiting(turn, step), *_flying(turn, step)) if each.id not in ids]
    if len(suspects) < REPEATS and not others:
        # So few, and nothing else to compare with: as likely the steps' own fault.
        for each in open_suspects:
            turn.fail(each, f"{report.reason}: {report.error}", report.reason, False, now)
        return
    for each in open_suspects:
        # Dead letters to look at; resuming the run retries them.
        turn.ledger.move(each, StepState.DEAD, reason=report.error, failure=report.reason, finished_at=now)
    turn.apply(events.CircuitGivenUp(step.kind, report.error, report.reason))


def _waiting(turn: Transition, like: Step) -> list[Step]:
    query = select(Step).where(Step.run_id == like.run_id, Step.kind == like.kind, Step.state == StepState.READY)
    return list(turn.ledger.session.exec(query))


def _flying(turn: Transition, like: Step) -> list[Step]:
    query = select(Step).where(Step.run_id == like.run_id, Step.kind == like.kind, col(Step.state).in_(IN_FLIGHT))
    return list(turn.ledger.session.exec(query))
