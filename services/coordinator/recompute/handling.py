"""What a turn calls when an attempt could not read an object that the database lists, and when the object is back."""

from dataclasses import dataclass

from services.coordinator import events
from services.coordinator.prompts import cut_shards
from services.coordinator.recompute import verdict
from services.coordinator.recompute.rows import name_of, producer_of, record, reopen
from services.coordinator.recompute.verdict import LossVerdict, Producer, Source
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.rebuilding import rebuild
from spar.db.tables import Step, StoredResult
from spar.errors import ObjectLost
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import RunEnd
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.event_names import EventName
from spar.messages.states import StepState
from spar.messages.training import Selected
from spar.store.rereading import reread
from spar.store.results import get_verified
from spar.store.rows import decode_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What follows for the reader. `end`: why the object will not come back; None: it will."""

    verdict: LossVerdict
    end: RunEnd | None = None


def handle_lost(context: RunContext, reader: Step, key: str) -> Handled:
    """Have the object written again that an attempt of `reader` could not read, or find that nothing can."""
    source = verdict.source_of(key)
    if source is Source.COORDINATOR:
        return _write_again(context, reader)
    step = producer_of(context.ledger, reader, key)
    decided = verdict.decide(None if step is None else _facts_of(step), reader.dispatched_at)
    if step is None or decided is LossVerdict.NO_SOURCE:
        return Handled(verdict=decided, end=verdict.no_source(key))
    if decided is LossVerdict.TOO_OFTEN:
        return Handled(verdict=decided, end=verdict.too_often(name_of(step)))
    if decided is LossVerdict.RECOMPUTE:
        reopen(context.ledger, step)
    elif decided is LossVerdict.REREAD and source is not Source.MODEL:
        rebuild(context, reader)
    return Handled(verdict=decided)


def handle_recomputed(context: RunContext, step: Step, before: str | None) -> events.Event:
    """A recomputed step is done; `before` is the key of its lost result. Steps that are still to be sent read the new
    one."""
    record(context.ledger, EventName.RESULT_RECOMPUTED, step, key=step.result_key, same=step.result_key == before)
    if step.result_key != before:
        for kind, part in verdict.readers_of(step.kind, step.part):
            reader = context.ledger.find_step(step.run_id, step.iteration, kind, part)
            if reader is not None and reader.state is StepState.READY and not rebuild(context, reader):
                return events.RecomputeFailed(verdict.different_model(name_of(reader)))
    return events.ResultRecomputed()


def handle_failed(step: Step, reason: str, failure: FailureReason) -> events.Event:
    """A step that was to recompute its result has failed for good."""
    return events.RecomputeFailed(verdict.recompute_failed(name_of(step), reason, failure))


def is_readable(context: RunContext, step: Step, known: StoredResult) -> bool:
    """Whether a result that the step would reuse is in the store, if the coordinator itself reads it; a worker that
    reads another kind's reports what it misses."""
    if step.kind is not StepKind.SELECTION:
        return True
    store, key = context.store, known.key
    try:
        [selected] = decode_rows(reread(lambda: get_verified(store, key)), Selected, key)[1]
        reread(lambda: get_verified(store, selected.outcomes_key))
    except ObjectLost as error:
        context.ledger.event(EventName.RESULT_LOST, step.run_id, step=step.id, step_kind=step.kind, key=error.key)
        context.ledger.forget_result(known)
        return False
    return True


def _facts_of(step: Step) -> Producer:
    return Producer(state=step.state, recomputes=step.remade, finished_at=step.finished_at)


def _write_again(context: RunContext, reader: Step) -> Handled:
    """The coordinator's own objects get the same keys again."""
    try:
        cut_shards(context.store, context.run, context.recipe, reader.iteration)
    except ObjectLost as error:
        return Handled(verdict=LossVerdict.NO_SOURCE, end=verdict.no_source(error.key))
    if reader.kind is StepKind.SELECTION or reader.part == JUDGE_AUDIT:
        rebuild(context, reader)
    return Handled(verdict=LossVerdict.RETRY)
