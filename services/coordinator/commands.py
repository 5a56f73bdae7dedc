"""What users asked for: rows of the table `command`, taken in order, each exactly once."""

import structlog
from pydantic import ValidationError
from sqlmodel import col, select

from services.coordinator.ledger import Ledger
from spar.db.tables import Command, Run, utc_now
from spar.messages.commands import SUBMIT, Submission
from spar.messages.states import RunStatus, StepState

log = structlog.get_logger()


def handle_new(ledger: Ledger) -> None:
    query = select(Command).where(col(Command.handled_at).is_(None)).order_by(col(Command.id))
    for command in ledger.session.exec(query).all():
        if command.kind == SUBMIT:
            _submit(ledger, command)
        else:
            command.error = f"unknown kind of command: {command.kind}"
        command.handled_at = utc_now()
        ledger.session.add(command)
        log.info("command_handled", kind=command.kind, key=command.key, error=command.error)


def _submit(ledger: Ledger, command: Command) -> None:
    """Queue a new run; a run that is already known goes on where it stopped."""
    try:
        submission = Submission.model_validate(command.payload)
    except ValidationError as error:
        command.error = str(error)
        return
    known = ledger.session.get(Run, submission.run_id)
    if known is not None:
        _resume(ledger, known)
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
            status=RunStatus.QUEUED,
        )
    )
    ledger.session.flush()
    ledger.event("run_queued", submission.run_id)


def _resume(ledger: Ledger, run: Run) -> None:
    """A failed run gets new attempts at what failed for good; any other state is left as it is."""
    if run.status is not RunStatus.FAILED:
        return
    for step in ledger.steps_in([StepState.DEAD], run.id):
        ledger.move(step, StepState.READY, failures=0, not_before=None, finished_at=None)
    run.status, run.reason, run.finished_at = RunStatus.QUEUED, None, None
    ledger.event("run_resumed", run.id)
