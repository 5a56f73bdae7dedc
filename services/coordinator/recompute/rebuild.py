"""Builds the message of a waiting step anew, from the results that its iteration has by now. Decides nothing."""

from services.coordinator.steps import measurements
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.selection import selection
from services.coordinator.steps.shards import shard_step
from services.coordinator.steps.training import training
from spar.db.tables import Step
from spar.messages.base import SHARD_KINDS, StepKind, StepMessage
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.parts import role_of, shard_index


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
