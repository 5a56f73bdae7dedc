"""Resuming a run that ended because of its prompts' outcomes: what failed is recomputed, what succeeded is kept.

A failed reply is a result like any other, so it would be found again by its fingerprint: such results are removed here,
since the cause may be gone (a server with a longer context, another judge under the same name). Where the recipe now
accepts what happened, nothing is recomputed. Sends nothing: the next tick does.
"""

from collections.abc import Sequence

from services.coordinator.dead_letters import revive
from services.coordinator.ledger import Ledger
from services.coordinator.shortfall import lost_share
from spar.db.facts import counts_of
from spar.db.tables import Iteration, Run, Step
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.counts import ShardCounts
from spar.messages.endings import EndReason, RunEnd
from spar.messages.event_names import EventName
from spar.messages.states import IterationStatus, StepState


def select_again(ledger: Ledger, run: Run) -> None:
    """Record again the selection that a guard stopped at: its result is there, and the recipe may have changed."""
    selection = ledger.find_step(run.id, run.iteration, StepKind.SELECTION, "")
    if selection is not None:
        _make_ready(ledger, selection)


def retry_failures(ledger: Ledger, run: Run) -> None:
    """Make ready what failed in the run's iteration, and then its selection."""
    iteration = ledger.current(run)
    if iteration is None:
        return
    accepted = _accepted(ledger, run, RunEnd.model_validate(run.end).reason)
    selection = ledger.find_step(run.id, iteration.index, StepKind.SELECTION, "")
    if selection is not None and accepted:
        _make_ready(ledger, selection)
        return
    taken = [step for steps in _by_shard(ledger, run, iteration) if (step := _take_back(ledger, steps, accepted))]
    if selection is not None:
        if taken or ledger.failure_of_shards(run.id, iteration.index) is not None:
            ledger.remove_step(selection)
            ledger.forget_outcomes(run.id, iteration.index)
            iteration.status = IterationStatus.SHARDS
        else:
            _make_ready(ledger, selection)
    revived, _ = revive(ledger, run)
    ledger.event(EventName.FAILURES_RETRIED, run.id, steps=[step.id for step in (*taken, *revived)])


def _accepted(ledger: Ledger, run: Run, reason: EndReason) -> bool:
    """Whether the recipe, which may have changed since, accepts what the run has."""
    settings = ledger.recipe(run).failures
    match reason:
        case EndReason.CANARY:
            return not settings.canary
        case EndReason.FAILURES:
            return lost_share(ledger.outcomes(run.id, run.iteration)) <= settings.most
        case _:
            return settings.nothing_learned == "continue"


def _by_shard(ledger: Ledger, run: Run, iteration: Iteration) -> list[list[Step]]:
    """Each shard's steps in the order of its chain."""
    order = {kind: place for place, kind in enumerate(SHARD_KINDS)}
    shards: dict[str, list[Step]] = {}
    for step in ledger.steps_in(list(StepState), run.id):
        if step.iteration == iteration.index and step.kind in order:
            shards.setdefault(step.part, []).append(step)
    return [sorted(steps, key=lambda step: order[step.kind]) for steps in shards.values()]


def _take_back(ledger: Ledger, steps: Sequence[Step], accepted: bool) -> Step | None:
    """Make the shard's first step that lost a prompt ready again, and remove the later ones."""
    lost = (place for place, step in enumerate(steps) if counts_of(step, ShardCounts).unusable)
    first = next(lost, None)
    if first is None:
        return None
    for later in steps[first + 1 :]:
        ledger.remove_step(later)
    step = steps[first]
    known = ledger.result(step.fingerprint)
    if known is not None and known.key == step.result_key and not accepted:
        ledger.forget_result(known)
    _make_ready(ledger, step)
    return step


def _make_ready(ledger: Ledger, step: Step) -> None:
    ledger.move(
        step, StepState.READY, failures=0, reason=None, failure=None, reused=False, not_before=None, finished_at=None
    )
