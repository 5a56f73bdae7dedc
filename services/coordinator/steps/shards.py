"""The steps that a shard goes through: generation, judgment, comparison, refinement."""

from services.coordinator.steps.context import RunContext
from spar.db.tables import Iteration, Shard
from spar.errors import AccountingError
from spar.messages.base import SHARD_KINDS, EngineIdentity, ObjectRef, StepKind, StepMessage
from spar.messages.generation import Generate, GenerationSpec
from spar.messages.judgment import Compare, ComparisonSpec, Judge, JudgmentSpec
from spar.messages.refinement import Refine, RefinementSpec
from spar.recipes.policies import COMPARE, generating_policy, judging_policy


def shard_step(run: RunContext, kind: StepKind, shard: Shard) -> StepMessage:
    """The message of one step of a shard. Raises AccountingError for a kind that shards do not have."""
    if kind not in SHARD_KINDS:
        raise AccountingError(f"{kind} is not a step of a shard.")
    iteration, engine = run.iteration(shard.iteration), run.plan(shard.iteration).steps[kind].engine
    match kind:
        case StepKind.GENERATION:
            return Generate.model_validate(run.envelope(_generation(run, iteration, shard), engine=engine))
        case StepKind.JUDGMENT:
            return Judge.model_validate(run.envelope(_judgment(run, iteration, shard), engine=engine))
        case StepKind.COMPARISON:
            return Compare.model_validate(run.envelope(_comparison(run, iteration, shard), engine=engine))
        case _:
            return Refine.model_validate(run.envelope(_refinement(run, iteration, shard), engine=engine))


def _engine(run: RunContext, iteration: Iteration, kind: StepKind) -> EngineIdentity:
    return EngineIdentity.of(run.plan(iteration.index).steps[kind].engine)


def _generation(run: RunContext, iteration: Iteration, shard: Shard) -> GenerationSpec:
    plan = run.plan(iteration.index)
    return GenerationSpec(
        model=run.model_of(iteration, StepKind.GENERATION),
        engine=_engine(run, iteration, StepKind.GENERATION),
        sampling=plan.settings.generation,
        seed=plan.seed,
        iteration=plan.generated_in,
        prompts=ObjectRef(key=shard.prompts_key),
        form=run.form(generating_policy(plan.settings.generation.policy).form),
    )


def _judgment(run: RunContext, iteration: Iteration, shard: Shard) -> JudgmentSpec:
    plan = run.plan(iteration.index)
    policy = judging_policy(plan.settings.judgment.policy)
    return JudgmentSpec(
        model=run.model_of(iteration, StepKind.JUDGMENT),
        engine=_engine(run, iteration, StepKind.JUDGMENT),
        templates=run.templates,
        judgment=plan.settings.judgment,
        seed=plan.seed,
        iteration=plan.index,
        generated=run.result_of(shard, StepKind.GENERATION),
        form=run.form(policy.form),
        checkers=run.input("checkers") if policy.form is None and not policy.no_replies else None,
    )


def _comparison(run: RunContext, iteration: Iteration, shard: Shard) -> ComparisonSpec:
    plan, form = run.plan(iteration.index), run.form(COMPARE)
    if plan.settings.comparison is None or form is None:
        raise AccountingError(f"Iteration {iteration.index} of run {run.run.id} compares no judgments.")
    return ComparisonSpec(
        model=run.model_of(iteration, StepKind.COMPARISON),
        engine=_engine(run, iteration, StepKind.COMPARISON),
        form=form,
        judgment=plan.settings.judgment,
        comparison=plan.settings.comparison,
        seed=plan.seed,
        iteration=plan.index,
        judged=run.result_of(shard, StepKind.JUDGMENT),
    )


def _refinement(run: RunContext, iteration: Iteration, shard: Shard) -> RefinementSpec:
    plan = run.plan(iteration.index)
    return RefinementSpec(
        model=run.model_of(iteration, StepKind.REFINEMENT),
        engine=_engine(run, iteration, StepKind.REFINEMENT),
        templates=run.templates,
        judgment=plan.settings.judgment,
        search=plan.settings.search,
        seed=plan.seed,
        iteration=plan.index,
        judged=run.result_of(shard, StepKind.JUDGMENT),
    )
