"""A recipe's benchmarks: which are planned, the names of their measurements, and invalid settings.

For what each measures and accepts, see its record (`spar.benchmark_registry`); `spar.evaluation` runs and scores them.
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
"""Suffix of an IFEval measurement's name: the mean of its four scores, as a separate measure."""
LAST_REFINER = "last_refiner"
"""The refiner of a run's last iteration, which rates the refinements of every earlier one: Acc-SPaR of the paper's
Table 3. Also the name of that measurement."""
FROM_NEGATIVES = ("actor", *get_args(PolicyName))
"""Strategies that start from a given response; actor, the default, and greedy are one greedy refinement."""
BY = ":"
"""Separates a benchmark's name from a strategy's."""

RATED_BY_LAST = f"{REFINEMENT}{BY}{LAST_REFINER}"
"""The measurement in which the last refiner rates an earlier one's refinements."""


RECIPE_BENCHMARKS: Mapping[str, Benchmark] = {name: each for name, each in BENCHMARKS.items() if each.in_recipes}
"""The benchmarks that a recipe may name, in display order."""


def planned(plan: EvaluationPlan | None) -> dict[str, BenchmarkSettings]:
    """A recipe's benchmarks by name, in display order, without lm-eval's, for which see `general_of`."""
    benchmarks = plan.benchmarks if plan is not None else None
    if benchmarks is None:
        return {}
    found = {name: getattr(benchmarks, name) for name in RECIPE_BENCHMARKS}
    return {name: settings for name, settings in found.items() if settings is not None}


def suite_of(plan: EvaluationPlan) -> EvaluationSettings:
    """The plan without its benchmarks: what determines the suite's results."""
    return EvaluationSettings(**{name: getattr(plan, name) for name in EvaluationSettings.model_fields})


def measurements(name: str, settings: BenchmarkSettings) -> dict[str, AskSettings]:
    """The measurement of each strategy by name, without the data's path and the judge's address.

    A single one has the benchmark's name, as does the actor's among several: `ifeval`, `ifeval:bfs`.
    """
    common = {key: getattr(settings, key) for key in AskSettings.model_fields}
    alone = len(settings.strategy) == 1
    return {
        name if alone or one == "actor" else f"{name}{BY}{one}": AskSettings(**{**common, "strategy": one})
        for one in settings.strategy
    }


def benchmark_of(part: str) -> str | None:
    """The benchmark of a measurement's name; None if it is no benchmark's."""
    name = part.partition(BY)[0]
    return name if name in RECIPE_BENCHMARKS or task_of(part) is not None else None


def shown_of(part: str) -> tuple[str, ...]:
    """The scores of a measurement to display; none if it is no benchmark's."""
    task = task_of(part)
    if task is not None:
        return (task,)
    benchmark = benchmark_of(part)
    return () if benchmark is None else RECIPE_BENCHMARKS[benchmark].shown


def measured_part(part: str) -> Literal["actor", "refiner"]:
    """The role that a benchmark's measurement measures."""
    return "actor" if task_of(part) is not None else RECIPE_BENCHMARKS[part.partition(BY)[0]].part


def spoken(part: str) -> str:
    """A measurement's display name, such as `ifeval by bfs`."""
    if part == RATED_BY_LAST:
        return "refinement rated by the last refiner"
    if (task := task_of(part)) is not None:
        return task
    return part.replace(BY, " by ")


def in_order(parts: Iterable[str]) -> list[str]:
    """Names of measurements in display order of their benchmarks, lm-eval's last; the order is stable."""
    order = [*RECIPE_BENCHMARKS, GENERAL]
    return sorted(parts, key=lambda part: order.index(part.partition(BY)[0]))


def data_keys(name: str) -> tuple[str, ...]:
    """The recipe key of a benchmark's data."""
    return ("evaluation", "benchmarks", name, "data")


def _changed(settings: BenchmarkSettings) -> set[str]:
    """The keys that differ from their default, since a complete recipe names every key."""
    fields = BenchmarkSettings.model_fields
    return {name for name, field in fields.items() if getattr(settings, name) != field.default}


def check_benchmarks(recipe: Recipe) -> Iterator[Problem]:
    """Settings that a benchmark does not use, and an empty evaluation."""
    plan = recipe.evaluation
    if plan is None:
        return
    benchmarks = planned(plan)
    if plan.suite == "none" and not benchmarks and general_of(plan) is None:
        fix = "Name one in evaluation.benchmarks, or delete the section evaluation."
        yield Problem(
            keys=("evaluation", "suite"), what="is none without any benchmark: nothing would be measured", fix=fix
        )
    for name, settings in benchmarks.items():
        record = RECIPE_BENCHMARKS[name]
        for key in sorted(_changed(settings) - {*ALWAYS, *record.settings}):
            fix = f"Delete it; {name} takes {', '.join((*ALWAYS, *record.settings))}."
            yield Problem(keys=(*data_keys(name)[:-1], key), what=f"does not apply to {name}", fix=fix)
        drawn = sorted(set(settings.strategy) - set(FROM_NEGATIVES))
        if record.work is Work.REFINEMENTS and drawn:
            fix = f"Choose among {', '.join(FROM_NEGATIVES[1:])}."
            yield Problem(
                keys=(*data_keys(name)[:-1], "strategy"),
                what=f"{drawn[0]} does not start from given responses",
                fix=fix,
            )
