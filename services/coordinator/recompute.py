"""Results that the store has lost: who made them, having them made again, and what then comes after them.

The books say that a result is there and the store has not got it, or not as it was written. Its step is made ready
again, counted, and told as an event; until it is done, its run does nothing else (`flow`). Nothing here talks to the
workers, and how often is too often is `flow`'s to say.
"""

from datetime import datetime

import structlog

from services.coordinator import events
from services.coordinator.ledger import Ledger
from services.coordinator.prompts import cut_shards
from services.coordinator.steps import measurements
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.selection import selection
from services.coordinator.steps.shards import shard_step
from services.coordinator.steps.training import training
from spar.db.tables import Step
from spar.errors import ObjectLost
from spar.messages.base import SHARD_KINDS, StepKind, StepMessage
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.event_names import EventName
from spar.messages.parts import role_of, shard_index
from spar.messages.states import StepState
from spar.recipes.init import ACTOR, REFINER, iteration_name

log = structlog.get_logger()

BY_KEY = ("results", "models")
"""Their keys go on with the fingerprint of what made them."""
OF_SELECTION = ("pairs", "examples", "outcomes")
OF_COORDINATOR = ("inputs", "prompts")


def after_loss(context: RunContext, step: Step, key: str) -> events.Event | None:
    """What happened, now that `step` (ready again) could not read `key`; None: that attempt failed, as others do."""
    prefix, _, rest = key.partition("/")
    if prefix in OF_COORDINATOR:
        return _stored_again(context, step)
    maker = None
    if prefix in BY_KEY:
        maker = context.ledger.made_by(context.run.id, rest.partition("/")[0])
    elif prefix in OF_SELECTION:
        maker = context.ledger.find_step(context.run.id, selected_in(step, key), StepKind.SELECTION, "")
    if maker is None or (maker.state is StepState.DEAD and not maker.remade):
        return events.SourceLost(_gone(key))
    if maker.state not in (StepState.DONE, StepState.DEAD):
        return events.Woken()  # it is being made
    if _after(maker.finished_at, step.dispatched_at):  # it was made again while the step did not know
        if prefix != "models":
            rebuild(context, step)
        return events.Woken()
    return events.ResultLost(step=maker.id or 0, what=name_of(maker), remade=maker.remade)


def selected_in(step: Step, key: str) -> int:
    """The iteration whose selection wrote the object that a step could not read: its own, but for the first set of one
    model that is made of both."""
    earlier = step.kind is StepKind.TRAINING and step.iteration == REFINER
    more = [rows["key"] for rows in step.message["spec"].get("more", [])] if earlier else []
    return ACTOR if key in more else step.iteration


def _stored_again(context: RunContext, step: Step) -> events.Event | None:
    """What the coordinator itself wrote, it writes again, under the same key."""
    try:
        cut_shards(context.store, context.run, context.recipe, step.iteration)
    except ObjectLost as error:
        return events.SourceLost(_gone(error.key))
    if step.kind is StepKind.SELECTION or step.part == JUDGE_AUDIT:
        rebuild(context, step)
    return None


def _gone(key: str) -> str:
    return (
        f"the object {key} is not in the store any more, and no step of this run makes it: "
        "submit the recipe again, which stores what it brings and resumes this run, or restore the object"
    )


def _after(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other


def recompute(context: RunContext, step: Step) -> None:
    """Take a done step back. Its result is found again only if another run has made it since."""
    ledger = context.ledger
    known = ledger.result(step.fingerprint)
    if known is not None and not _after(known.created_at, step.finished_at):
        ledger.forget_result(known)
    remade = step.remade + 1
    _tell(ledger, EventName.RESULT_LOST, step, key=step.result_key, remade=remade)
    ledger.move(step, StepState.READY, remade=remade, failures=0, reused=False, not_before=None, finished_at=None)


def reset_recompute_counts(ledger: Ledger, run_id: str) -> None:
    """Somebody has looked, and goes on with the run: count from the beginning."""
    for step in ledger.repairs(run_id):
        step.remade = 0 if step.state is StepState.DONE else 1


def recomputed(context: RunContext, step: Step, before: str | None) -> events.Event:
    """The step has its result again. What has not been made from it yet, is to be made from what it is now."""
    _tell(context.ledger, EventName.RESULT_RECOMPUTED, step, key=step.result_key, same=step.result_key == before)
    if step.result_key != before:
        for kind, part in _next(context, step):
            later = context.ledger.find_step(step.run_id, step.iteration, kind, part)
            if later is not None and later.state is StepState.READY and not rebuild(context, later):
                return events.SourceLost(
                    f"the model of {name_of(later)} cannot be made again as it was: what it was trained on came out "
                    "different. Restore the object store, or run the recipe in a new directory or under a new name"
                )
    return events.ResultRemade()


def _next(context: RunContext, step: Step) -> list[tuple[StepKind, str]]:
    """Which steps may read the result: (kind, part)."""
    if step.kind is StepKind.SELECTION:
        return [(StepKind.TRAINING, "actor"), (StepKind.TRAINING, "refiner"), (StepKind.EVALUATION, "pairs")]
    if step.kind not in SHARD_KINDS:
        return []  # a model is named by what determines it, not by what came out
    later = SHARD_KINDS[SHARD_KINDS.index(step.kind) + 1 :]
    return [*((kind, step.part) for kind in later), (StepKind.SELECTION, ""), (StepKind.EVALUATION, JUDGE_AUDIT)]


def rebuild(context: RunContext, step: Step) -> bool:
    """Word the step's message anew, from what is in the books now. False: its result would get another name, and has
    that name in use."""
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


def name_of(step: Step) -> str:
    of = f" {step.part}" if step.part else ""
    return f"{step.kind}{of} of {iteration_name(step.iteration)}"


def _tell(ledger: Ledger, event: EventName, step: Step, **fields: object) -> None:
    log.warning(event, step=step.id, kind=step.kind, part=step.part, **fields)
    ledger.event(event, step.run_id, step=step.id, step_kind=step.kind, part=step.part, **fields)
