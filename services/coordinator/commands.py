"""Users' commands: rows of the table `command`, executed in order, each exactly once.

A command that does not fit its run's status changes nothing and records why in its row.
"""

from collections.abc import Callable

import structlog
from pydantic import ValidationError
from sqlmodel import col, select

from services.coordinator.dead_letters import drop, revive
from services.coordinator.ledger import Ledger
from services.coordinator.retrying import retry_failures, select_again
from spar.db.tables import Command, Run, utc_now
from spar.messages.commands import (
    CANCEL,
    DROP,
    REPLAY,
    RESUME,
    SUBMIT,
    DropCommand,
    ReplayCommand,
    ResumeCommand,
    RunCommand,
    Submission,
)
from spar.messages.endings import EndReason, RunEnd
from spar.messages.event_names import EventName
from spar.messages.states import RunStatus
from spar.recipes.former_keys import with_present_keys

log = structlog.get_logger()


CHANGEABLE = ("budget", "failures", "guards", "judge_audit")
"""Sections of a recipe that determine no result: a resumed run takes them from the newer recipe."""
OMITTED = ("failures", "guards")
"""Those of them that a recipe omits while they have their defaults."""


class Refused(Exception):
    """Why a command changes nothing."""


def handle_new(ledger: Ledger) -> None:
    query = select(Command).where(col(Command.handled_at).is_(None)).order_by(col(Command.id))
    for command in ledger.session.exec(query).all():
        try:
            _handle(ledger, command)
        except (Refused, ValidationError) as error:
            command.error = str(error)
        command.handled_at = utc_now()
        ledger.session.add(command)
        log.info("command_handled", kind=command.kind, key=command.key, error=command.error)


def _handle(ledger: Ledger, command: Command) -> None:
    handler = HANDLERS.get(command.kind)
    if handler is None:
        raise Refused(f"unknown kind of command: {command.kind}")
    handler(ledger, command)


def _submit(ledger: Ledger, command: Command) -> None:
    """Queue a new run; an existing one is resumed."""
    submission = Submission.model_validate(command.payload)
    known = ledger.session.get(Run, submission.run_id)
    if known is not None:
        # Sections that determine no result may have changed.
        newer = {name: value for name, value in submission.recipe.items() if name in CHANGEABLE}
        kept = {name: value for name, value in with_present_keys(known.recipe).items() if name not in OMITTED}
        known.recipe = {**kept, "budget": {}, **newer}
        _go_on(ledger, known)
        return
    for model in submission.models.values():
        ledger.add_model(model.fingerprint, model.location, None)
    ledger.session.add(
        Run(
            id=submission.run_id,
            recipe=submission.recipe,
            models={name: model.fingerprint for name, model in submission.models.items()},
            templates=submission.templates,
            prompts=submission.prompts,
            inputs=submission.inputs,
            status=RunStatus.QUEUED,
        )
    )
    ledger.session.flush()
    ledger.event(EventName.RUN_QUEUED, submission.run_id)


def _cancel(ledger: Ledger, command: Command) -> None:
    """A running run drains: nothing more is dispatched, and what is in flight ends. A queued one is cancelled at
    once."""
    run = _run_of(ledger, RunCommand.model_validate(command.payload).run_id)
    match run.status:
        case RunStatus.RUNNING:
            run.status = RunStatus.CANCELLING
            ledger.event(EventName.RUN_CANCELLING, run.id)
        case RunStatus.QUEUED:
            ledger.end_run(run, RunStatus.CANCELLED)
        case RunStatus.FAILED | RunStatus.FINISHED | RunStatus.STOPPED:
            raise Refused(f"run {run.id} is {run.status}: there is nothing to cancel")


def _resume(ledger: Ledger, command: Command) -> None:
    resume = ResumeCommand.model_validate(command.payload)
    run = _run_of(ledger, resume.run_id)
    if run.status is RunStatus.FINISHED:
        raise Refused(f"run {run.id} is finished: there is nothing to resume")
    for name in ("budget", "failures", "guards"):
        section = getattr(resume, name)
        if section is not None:
            run.recipe = {**run.recipe, name: section.model_dump(mode="json")}
    _go_on(ledger, run)


def _go_on(ledger: Ledger, run: Run) -> None:
    """A failed run gets new attempts at what failed for good; a running, queued or finished one is not changed.

    Whether it is stuck is determined anew, since its user may have removed the cause.
    """
    run.stuck = None
    match run.status:
        case RunStatus.CANCELLING:
            run.status = RunStatus.RUNNING
        case RunStatus.FAILED | RunStatus.CANCELLED | RunStatus.STOPPED:
            reason = None if run.end is None else RunEnd.model_validate(run.end).reason
            if reason is not None and reason.by_outcomes:
                retry_failures(ledger, run)
            elif reason is EndReason.GUARDS:
                select_again(ledger, run)
            elif run.status is RunStatus.FAILED:
                revive(ledger, run)
            ledger.queue_again(run)
        case _:
            return
    ledger.event(EventName.RUN_RESUMED, run.id)


def _replay(ledger: Ledger, command: Command) -> None:
    """New attempts at dead letters. A run that had ended is queued for them, but a cancelled one stays cancelled."""
    replay = ReplayCommand.model_validate(command.payload)
    run = _run_of(ledger, replay.run_id)
    revived, late = revive(ledger, run, None if replay.steps is None else set(replay.steps))
    if revived:
        ledger.event(EventName.DEAD_LETTERS_REPLAYED, run.id, steps=[step.id for step in revived])
        if run.status in (RunStatus.FAILED, RunStatus.FINISHED):
            ledger.queue_again(run)
    if late:
        raise Refused(f"too late for steps {', '.join(str(step.id) for step in late)}: their iteration has selected")


def _drop(ledger: Ledger, command: Command) -> None:
    dropping = DropCommand.model_validate(command.payload)
    run = _run_of(ledger, dropping.run_id)
    if dropped := drop(ledger, run, set(dropping.steps)):
        ledger.event(EventName.DEAD_LETTERS_DROPPED, run.id, steps=[step.id for step in dropped])


def _run_of(ledger: Ledger, run_id: str) -> Run:
    run = ledger.session.get(Run, run_id)
    if run is None:
        raise Refused(f"there is no run {run_id}")
    return run


HANDLERS: dict[str, Callable[[Ledger, Command], None]] = {
    SUBMIT: _submit,
    CANCEL: _cancel,
    RESUME: _resume,
    REPLAY: _replay,
    DROP: _drop,
}
