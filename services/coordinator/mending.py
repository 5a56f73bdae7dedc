"""What `spar doctor --fix` changes in a run's tables while nothing works on them. `spar.upkeep` finds what is wrong.

Makes no decision of a run: it counts and reads again, and reopens steps whose results are lost; the run computes those
when it is resumed.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import delete
from sqlmodel import col

from services.coordinator.ledger import Ledger
from services.coordinator.prompts import cut_shards
from services.coordinator.recompute.rows import name_of, reopen
from services.coordinator.steps.context import RunContext
from spar.db.tables import Orphan
from spar.errors import ObjectLost
from spar.messages.states import RunStatus, StepState
from spar.messages.training import PromptEnd
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows
from spar.upkeep.findings import Finding, Remedy


def mend(ledger: Ledger, store: ObjectStore, run_id: str, findings: Sequence[Finding]) -> Iterator[str]:
    """Apply the findings' remedies; yields what was done. The caller commits."""
    run = ledger.run(run_id)
    context = RunContext(ledger=ledger, store=store, run=run, recipe=ledger.recipe(run))
    wanted = {remedy: [each for each in findings if each.remedy is remedy] for remedy in Remedy}
    for iteration in sorted({each.iteration for each in wanted[Remedy.RECUT]}):
        yield from _recut(context, iteration)
    lost = sorted({each.step for each in wanted[Remedy.RECOMPUTE]})
    for step_id in lost:
        yield from _recompute(context, step_id)
    for iteration in sorted({each.iteration for each in wanted[Remedy.REBOOK]}):
        yield from _rebook(context, iteration)
    if wanted[Remedy.RECOUNT]:  # the reopened steps changed counters that were wrong
        yield _recount(ledger, run_id)
    if lost and run.status is RunStatus.FINISHED:
        ledger.queue_again(run)
        yield f"run {run_id} is queued again: resume it, and it recomputes what was lost"


def forget_orphans(ledger: Ledger, keys: Sequence[str]) -> None:
    """Their objects have been removed."""
    for key in keys:
        ledger.session.execute(delete(Orphan).where(col(Orphan.key) == key))


def _recompute(context: RunContext, step_id: int) -> Iterator[str]:
    step = context.ledger.step(step_id)
    if step is None or step.state is not StepState.DONE:
        return  # it is open, and will be computed anyway
    reopen(context.ledger, step)
    yield f"step {step.id} ({name_of(step)}) is open again: its result was lost"


def _recut(context: RunContext, iteration: int) -> Iterator[str]:
    try:
        shards = cut_shards(context.store, context.run, context.recipe, iteration)
    except ObjectLost:
        return  # the prompts that they are cut from are lost too, which is a finding of its own
    yield f"the prompts of iteration {iteration} are written again: {len(shards)} shards"


def _rebook(context: RunContext, iteration: int) -> Iterator[str]:
    try:
        selected = context.selected(iteration)
        key = selected.outcomes_key
        ends = decode_rows(get_verified(context.store, key), PromptEnd, key)[1]
    except ObjectLost:
        return  # the selection is recomputed, and records them
    context.ledger.add_outcomes(context.run.id, iteration, [(end.prompt_id, end.outcome) for end in ends])
    yield f"the outcomes of iteration {iteration} are read again: {len(ends)} prompts"


def _recount(ledger: Ledger, run_id: str) -> str:
    return f"the steps are counted again: {ledger.count_anew(run_id)}"
