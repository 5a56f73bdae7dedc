"""Evaluations of a run's models and rows: the suite, the audits, the benchmarks, and ratings by the last refiner."""

from collections.abc import Iterator

from services.coordinator.outside_judges import judge_engine, judge_model
from services.coordinator.steps.benchmarks import benchmark, general_benchmarks
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.selection import shard_results
from spar.benchmark_registry import BENCHMARKS
from spar.db.tables import Iteration
from spar.errors import AccountingError
from spar.messages.base import ModelRef, ObjectRef
from spar.messages.evaluation import AuditedRows, Evaluate, EvaluationSpec, JudgeAuditSpec, Part
from spar.recipes import init
from spar.recipes.benchmarks import RATED_BY_LAST, REFINEMENT, measurements, planned, suite_of


def measures_suite(run: RunContext) -> bool:
    return run.recipe.evaluation is not None and run.recipe.evaluation.suite != "none"


def suite(run: RunContext, part: Part, model: ModelRef | None) -> Evaluate:
    """The suite's measurement of a model."""
    return _evaluation(run, part, model, None)


def audit(run: RunContext, iteration: int) -> Evaluate:
    """Check the iteration's rows for the actor by rules: its pairs, or its examples of responses."""
    selected = run.selected(iteration)
    if selected.actor_examples_key is not None:
        return _evaluation(run, "pairs", None, selected.actor_examples_key, "examples")
    return _evaluation(run, "pairs", None, selected.pairs_key)


def _evaluation(
    run: RunContext, part: Part, model: ModelRef | None, rows_key: str | None, rows: AuditedRows = "pairs"
) -> Evaluate:
    plan = run.recipe.evaluation
    if plan is None:
        raise AccountingError(f"Run {run.run.id} has no evaluation in its recipe.")
    spec = EvaluationSpec(
        part=part,
        model=model,
        engine=run.engine,
        templates=run.templates,
        evaluation=suite_of(plan),
        seed=plan.seed,
        pairs=None if rows_key is None else ObjectRef(key=rows_key),
        rows=rows,
    )
    return Evaluate.model_validate(run.envelope(spec))


def judge_audit(run: RunContext, iteration: Iteration) -> Evaluate:
    """Audit with rules what the refiner judged in an iteration."""
    settings = run.recipe.judge_audit
    if settings is None:
        raise AccountingError(f"Run {run.run.id} has no section judge_audit in its recipe.")
    rules, judges = run.run.inputs.get("rules"), settings.judge is not None
    spec = JudgeAuditSpec(
        inputs=shard_results(run, iteration),
        rules=None if rules is None else ObjectRef(key=rules),
        prompts=settings.prompts,
        seed=run.recipe.seed,
        iteration=iteration.index,
        judge=judge_model(settings.judge),
        templates=run.templates if judges else None,
        judge_tokens=settings.judge_tokens if judges else None,
    )
    return Evaluate.model_validate({**run.envelope(spec), "judge": judge_engine(settings.judge)})


def benchmarks(run: RunContext, part: Part, model: ModelRef, refiner: ModelRef) -> dict[str, Evaluate]:
    """The recipe's benchmarks of this part, by name; `refiner` searches for those that search."""
    found = {
        measured: benchmark(
            run, name, settings, asking, model, refiner if part == "actor" and asking.strategy != "actor" else None
        )
        for name, settings in planned(run.recipe.evaluation).items()
        if BENCHMARKS[name].part == part
        for measured, asking in measurements(name, settings).items()
    }
    return found | (general_benchmarks(run, model) if part == "actor" else {})


def rated_by(run: RunContext, rater: ModelRef, model: ModelRef) -> dict[str, Evaluate]:
    """Ratings by the last iteration's refiner of what an earlier one refines, by the measurement's name; empty where
    the recipe does not measure refinements."""
    settings = planned(run.recipe.evaluation).get(REFINEMENT)
    if settings is None:
        return {}
    alone = settings.model_copy(update={"judge": None, "strategy": ("actor",)})
    [asking] = measurements(REFINEMENT, alone).values()
    return {RATED_BY_LAST: benchmark(run, REFINEMENT, alone, asking, model, None, rater)}


Measurement = tuple[int, str, Evaluate]
"""The iteration whose model it measures, its name, and its message."""


def measurements_of(run: RunContext, index: int, part: Part) -> Iterator[Measurement]:
    """The evaluations of a part after an iteration; one before the run's first means the models that the recipe
    names."""
    if part == "pairs":
        if measures_suite(run):
            yield index, part, audit(run, index)
        return
    actor, refiner = _models_after(run, index)
    model = actor if part == "actor" else refiner
    if measures_suite(run):
        yield index, part, suite(run, part, run.ledger.model(model) if model else None)
    if model is None:
        return
    searching = run.ledger.model(run.fingerprint(refiner))
    for name, message in benchmarks(run, part, run.ledger.model(model), searching).items():
        yield index, name, message
    if part == "refiner" and index == run.recipe.iterations:
        yield from _ratings(run, index, model)


def _models_after(run: RunContext, index: int) -> tuple[str | None, str | None]:
    if index < init.first_iteration(run.recipe):
        return run.fingerprint(run.recipe.models.actor), run.fingerprint(run.recipe.models.refiner)
    iteration = run.iteration(index)
    return iteration.actor_after, iteration.refiner_after


def _ratings(run: RunContext, last: int, rater: str) -> Iterator[Measurement]:
    """The paper's Table 3 has every refiner's texts rated by the last refiner; its own rating is there already."""
    for index in range(init.FIRST - 1, last):
        model = run.fingerprint(_models_after(run, index)[1])
        if model != rater:
            for name, message in rated_by(run, run.ledger.model(rater), run.ledger.model(model)).items():
                yield index, name, message
