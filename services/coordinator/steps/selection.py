"""The selection of an iteration's rows, and the inputs that list its shards' results."""

from collections.abc import Sequence

from services.coordinator.iteration_plan import IterationPlan
from services.coordinator.steps.context import RunContext
from spar.db.tables import Iteration
from spar.messages.base import ObjectRef, StepKind
from spar.messages.parts import shard_part
from spar.messages.training import (
    JudgingRef,
    LengthLimit,
    Select,
    SelectionSpec,
    ShardComparisons,
    ShardResults,
)
from spar.recipes.policies import judging_policy
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows


def selection(run: RunContext, iteration: Iteration) -> Select:
    """The message that selects an iteration's pairs and examples from its shards' results."""
    plan = run.plan(iteration.index)
    settings, training = plan.settings, plan.settings.training
    spec = SelectionSpec(
        actor=run.ledger.model(iteration.actor),
        refiner=run.ledger.model(iteration.refiner),
        templates=run.templates,
        selection=settings.selection,
        actor_limit=LengthLimit.of(training.actor) if training.trains else None,
        refiner_limit=LengthLimit.of(training.refiner) if training.trains else None,
        seed=plan.seed,
        iteration=plan.index,
        inputs=shard_results(run, iteration),
        judging=_judging(run, plan) if plan.judging_data else None,
        compared=_comparisons(run, iteration) if settings.comparison is not None else None,
        refiner_data=plan.refiner_data,
        measured=run.input("measured") if "measured" in run.run.inputs else None,
    )
    return Select.model_validate(run.envelope(spec))


def shard_results(run: RunContext, iteration: Iteration) -> ObjectRef:
    """Stores which results the iteration's shards have; equal lists have equal keys."""
    judged, trees = (run.keys_of(iteration, kind) for kind in (StepKind.JUDGMENT, StepKind.REFINEMENT))
    rows = [
        ShardResults(
            prompts=shard.prompts_key,
            judged=judged.get(shard_part(shard.index)),
            trees=trees.get(shard_part(shard.index)),
        )
        for shard in run.shards(iteration)
    ]
    return _stored(run.store, rows)


def _comparisons(run: RunContext, iteration: Iteration) -> ObjectRef:
    compared = run.keys_of(iteration, StepKind.COMPARISON)
    rows = [ShardComparisons(compared.get(shard_part(shard.index))) for shard in run.shards(iteration)]
    return _stored(run.store, rows)


def _stored(store: ObjectStore, rows: Sequence[ShardResults | ShardComparisons]) -> ObjectRef:
    data = encode_rows(step="selection_inputs", fingerprint="", rows=rows)
    return ObjectRef(key=put_blob(store, "inputs", data).key)


def _judging(run: RunContext, plan: IterationPlan) -> JudgingRef:
    judgment = plan.settings.judgment
    form = run.form(judging_policy(judgment.policy).form)
    return JudgingRef(judgment=judgment, form=form, comparison=plan.settings.comparison)
