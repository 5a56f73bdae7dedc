"""One benchmark of a model as a message: ours, and those of lm-eval."""

from services.coordinator.outside_judges import judge_engine, judge_model
from services.coordinator.steps.context import RunContext
from spar.benchmark_registry import BENCHMARKS
from spar.messages.base import ModelRef, ObjectRef
from spar.messages.evaluation import BenchmarkSpec, Evaluate, GeneralSpec
from spar.recipes.general import general_of, general_parts
from spar.recipes.models import AskSettings, BenchmarkSettings
from spar.recipes.paths import STORED
from spar.recipes.policies import judging_policy


def benchmark(
    run: RunContext,
    name: str,
    settings: BenchmarkSettings,
    asking: AskSettings,
    model: ModelRef,
    refiner: ModelRef | None,
    rater: ModelRef | None = None,
) -> Evaluate:
    """One measurement; `refiner` searches, `rater` rates the refined texts."""
    judgment = run.recipe.judgment
    form = judging_policy(judgment.policy).form
    scores = BENCHMARKS[name].by_policy and form not in (None, "judge")
    spec = BenchmarkSpec(
        revision=BENCHMARKS[name].revision,
        benchmark=name,
        model=model,
        refiner=refiner,
        judge=judge_model(settings.judge),
        engine=run.engine,
        templates=run.templates,
        asking=asking,
        seed=run.recipe.evaluation.seed if run.recipe.evaluation else 0,
        data=_stored(settings.data),
        rater=rater,
        policy=judgment.policy if scores else "verdict",
        options=judgment.options if scores else {},
        form=run.form(form) if scores else None,
    )
    return Evaluate.model_validate({**run.envelope(spec), "judge": judge_engine(settings.judge)})


def general_benchmarks(run: RunContext, model: ModelRef) -> dict[str, Evaluate]:
    """What lm-eval measures of the actor, by the measurement's name."""
    settings = general_of(run.recipe.evaluation)
    if settings is None or run.recipe.evaluation is None:
        return {}
    specs = {
        part: GeneralSpec(
            task=task,
            model=model,
            engine=run.engine,
            limit=settings.limit,
            max_tokens=settings.max_tokens,
            seed=run.recipe.evaluation.seed,
            data=_stored(settings.data),
        )
        for part, task in general_parts(settings).items()
    }
    return {part: Evaluate.model_validate(run.envelope(spec)) for part, spec in specs.items()}


def _stored(data: str | None) -> ObjectRef | None:
    """A benchmark's files in the store; None where the story world generates them, or lm-eval downloads them itself."""
    return ObjectRef(key=data.removeprefix(STORED)) if data is not None and data.startswith(STORED) else None
