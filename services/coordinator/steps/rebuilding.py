"""Updates the message of a step that waits, before it is sent: to new inputs, or to this version's revisions.

A recomputed result may differ, and the steps that read it then need its new key. A step that was ready or in flight
when the version changed names a revision that no worker of this version accepts: its result is computed anew, under
another fingerprint. Decides nothing and sends nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from services.coordinator.steps import measurements
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.selection import selection
from services.coordinator.steps.shards import shard_step
from services.coordinator.steps.training import training
from spar.db.tables import Step
from spar.errors import ConflictError
from spar.messages.base import SHARD_KINDS, StepKind, StepMessage
from spar.messages.evaluation import JUDGE_AUDIT, Evaluate
from spar.messages.generation import Generate
from spar.messages.judgment import Compare, Judge
from spar.messages.parts import role_of, shard_index
from spar.messages.refinement import Refine
from spar.messages.training import Select, Train


def rebuild(context: RunContext, step: Step) -> bool:
    """False: its result would get another name, while later results use the name that it had."""
    message = _message(context, step)
    if message is None or message.fingerprint == step.fingerprint:
        return True
    if step.kind is StepKind.TRAINING and step.remade:
        return False
    step.fingerprint = message.fingerprint
    step.message = message.model_copy(update={"step_id": step.id, "attempt": step.attempt}).model_dump(mode="json")
    context.ledger.session.add(step)
    return True


def _message(context: RunContext, step: Step) -> StepMessage | None:
    ledger = context.ledger
    iteration = ledger.iteration(step.run_id, step.iteration)
    match step.kind:
        case StepKind.SELECTION:
            return selection(context, iteration)
        case StepKind.TRAINING:
            return training(context, iteration, role_of(step.part))
        case StepKind.EVALUATION if step.part == "pairs":
            return measurements.audit(context, step.iteration)
        case StepKind.EVALUATION if step.part == JUDGE_AUDIT:
            return measurements.judge_audit(context, iteration)
        case kind if kind in SHARD_KINDS:
            return shard_step(context, kind, ledger.shard(step.run_id, step.iteration, shard_index(step.part)))
        case _:
            return None


MESSAGES: Mapping[StepKind, type[StepMessage]] = MappingProxyType(
    {
        StepKind.GENERATION: Generate,
        StepKind.JUDGMENT: Judge,
        StepKind.COMPARISON: Compare,
        StepKind.REFINEMENT: Refine,
        StepKind.SELECTION: Select,
        StepKind.TRAINING: Train,
        StepKind.EVALUATION: Evaluate,
    }
)


def renew(step: Step) -> None:
    """Update the step's message to this version's revision, if it has another. Raises ConflictError if it cannot."""
    message = MESSAGES[step.kind]
    try:
        message.model_validate(step.message)
    except ValidationError:
        _reword(step, message)


def _reword(step: Step, message: type[StepMessage]) -> None:
    spec = {name: value for name, value in step.message["spec"].items() if name != "revision"}
    try:
        worded = message.model_validate({**step.message, "spec": spec})
    except ValidationError as error:
        raise ConflictError(
            f"Step {step.id} ({step.kind}) was prepared by a version whose message this one cannot read: {error}.",
            "Resume the run with that version, or run its recipe in a new directory or under a new name.",
        ) from error
    fingerprint: str = worded.spec.fingerprint()  # type: ignore[attr-defined]  # every message has a spec of its own
    step.fingerprint = fingerprint
    step.message = worded.model_copy(update={"fingerprint": fingerprint}).model_dump(mode="json")
