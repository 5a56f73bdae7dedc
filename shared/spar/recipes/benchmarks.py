"""A recipe's benchmarks: which are planned, what their measurements are called, and what such a plan cannot mean.

What each measures and takes its record says (`spar.benchmark_registry`). Knows nothing of how they are requested and
scored; that is `spar.evaluation`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from spar.benchmark_records import Benchmark, Work
from spar.benchmark_registry import BENCHMARKS
from spar.method.policies import PolicyName
from spar.recipes.general import GENERAL, general_of, task_of
from spar.recipes.models import AskSettings, BenchmarkSettings, EvaluationPlan, EvaluationSettings, Recipe
from spar.recipes.problems import Problem

ALWAYS = ("data", "limit")
IFEVAL, REFINEMENT = "ifeval", "refinement"
AVERAGE = ".average"
"""After the name of a measurement by IFEval: the mean of its four scores, as a measure of its own."""
LAST_REFINER = "last_refiner"
"""The refiner of a run's last iteration, which rates the refinements of every earlier one: Acc-SPaR of the paper's
Table 3. Also the name of that measurement."""
FROM_NEGATIVES = ("actor", *get_args(PolicyName))
"""Strategies that start from a given response; actor, the default, and greedy are one greedy refinement."""
BY = ":"
"""Between a benchmark and the strategy that it is measured by."""

RATED_BY_LAST = f"{REFINEMENT}{BY}{LAST_REFINER}"
"""The measurement in which the last refiner rates an earlier one's refinements."""


RECIPE_BENCHMARKS: Mapping[str, Benchmark] = {name: each for name, each in BENCHMARKS.items() if each.in_recipes}
"""Those that a recipe may name, in the order of pages."""


def planned(plan: EvaluationPlan | None) -> dict[str, BenchmarkSettings]:
    """A recipe's benchmarks that are requested here, by name, in the order of pages; lm-eval's are `general_of`."""
    benchmarks = plan.benchmarks if plan is not None else None
    if benchmarks is None:
        return {}
    found = {name: getattr(benchmarks, name) for name in RECIPE_BENCHMARKS}
    return {name: settings for name, settings in found.items() if settings is not None}


def suite_of(plan: EvaluationPlan) -> EvaluationSettings:
    """The plan without its benchmarks: what determines the suite's results."""
    return EvaluationSettings(**{name: getattr(plan, name) for name in EvaluationSettings.model_fields})


def measurements(name: str, settings: BenchmarkSettings) -> dict[str, AskSettings]:
    """Each strategy's by its name, without the data's place and the judge's address, which determine nothing.

    One alone has the benchmark's own name, and so has the actor's among several: `ifeval`, `ifeval:bfs`.
    """
    asked = {key: getattr(settings, key) for key in AskSettings.model_fields}
    alone = len(settings.strategy) == 1
    return {
        name if alone or one == "actor" else f"{name}{BY}{one}": AskSettings(**{**asked, "strategy": one})
        for one in settings.strategy
    }


def benchmark_of(part: str) -> str | None:
    """The benchmark that a measurement's name means; None if it means none."""
    name = part.partition(BY)[0]
    return name if name in RECIPE_BENCHMARKS or task_of(part) is not None else None


def shown_of(part: str) -> tuple[str, ...]:
    """The scores of a measurement that pages show: none of what is no benchmark's."""
    task = task_of(part)
    if task is not None:
        return (task,)
    benchmark = benchmark_of(part)
    return () if benchmark is None else RECIPE_BENCHMARKS[benchmark].shown


def measured_part(part: str) -> Literal["actor", "refiner"]:
    """Whose model a benchmark's measurement measures."""
    return "actor" if task_of(part) is not None else RECIPE_BENCHMARKS[part.partition(BY)[0]].part


def spoken(part: str) -> str:
    """A measurement's name as people read it: `ifeval by bfs`."""
    if part == RATED_BY_LAST:
        return "refinement rated by the last refiner"
    if (task := task_of(part)) is not None:
        return task
    return part.replace(BY, " by ")


def in_order(parts: Iterable[str]) -> list[str]:
    """Names of measurements by benchmark, in the order of pages, lm-eval's last; a benchmark's own keep theirs."""
    order = [*RECIPE_BENCHMARKS, GENERAL]
    return sorted(parts, key=lambda part: order.index(part.partition(BY)[0]))


def data_keys(name: str) -> tuple[str, ...]:
    """Where a recipe names a benchmark's data."""
    return ("evaluation", "benchmarks", name, "data")


def _changed(settings: BenchmarkSettings) -> set[str]:
    """A recipe written out whole names every key; those at their default change nothing."""
    fields = BenchmarkSettings.model_fields
    return {name for name, field in fields.items() if getattr(settings, name) != field.default}


def check_benchmarks(recipe: Recipe) -> Iterator[Problem]:
    """Settings that a benchmark has no use for, and an evaluation of nothing."""
    plan = recipe.evaluation
    if plan is None:
        return
    benchmarks = planned(plan)
    if plan.suite == "none" and not benchmarks and general_of(plan) is None:
        fix = "Name one in evaluation.benchmarks, or delete the section evaluation."
        yield Problem(
            keys=("evaluation", "suite"), what="is none, and there is no benchmark: nothing would be measured", fix=fix
        )
    for name, settings in benchmarks.items():
        record = RECIPE_BENCHMARKS[name]
        for key in sorted(_changed(settings) - {*ALWAYS, *record.settings}):
            fix = f"Delete it; {name} takes {', '.join((*ALWAYS, *record.settings))}."
            yield Problem(keys=(*data_keys(name)[:-1], key), what=f"means nothing to {name}", fix=fix)
        drawn = sorted(set(settings.strategy) - set(FROM_NEGATIVES))
        if record.work is Work.REFINEMENTS and drawn:
            fix = f"Choose among {', '.join(FROM_NEGATIVES[1:])}."
            yield Problem(
                keys=(*data_keys(name)[:-1], "strategy"),
                what=f"{drawn[0]} does not start from given responses",
                fix=fix,
            )
