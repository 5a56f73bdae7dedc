"""Which benchmarks a recipe's evaluation may name, whom each measures, and which settings it has a use for.

Knows nothing of how they are asked and scored; that is `spar.evaluation`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from spar.method.policies import PolicyName
from spar.recipes.general import GENERAL, general_of, task_of
from spar.recipes.models import AskSettings, BenchmarkSettings, EvaluationPlan, EvaluationSettings, Recipe
from spar.recipes.problems import Problem

ALWAYS = ("data", "limit")
IFEVAL, LLMBAR, REFINEMENT = "ifeval", "llmbar", "refinement"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Whose model a benchmark measures, the settings that change what it measures, and the scores that pages show."""

    part: Literal["actor", "refiner"]
    settings: tuple[str, ...]
    shown: tuple[str, ...]
    later: tuple[str, ...] = ()
    """Settings that came when results were stored already: not kept beside a score while they have their default."""


USES: Mapping[str, Use] = {
    "ifeval": Use(
        part="actor",
        settings=("max_tokens", "judge_tokens", "strategy", "budget"),
        shown=("average", "prompt_strict", "inst_strict", "prompt_loose", "inst_loose"),
    ),
    "followbench": Use(
        part="actor",
        settings=("max_tokens", "judge_tokens", "strategy", "budget", "judge"),
        shown=("hsr.average", "ssr.average", "csl"),
    ),
    "llmbar": Use(
        part="refiner",
        settings=("judge_tokens", "votes"),
        shown=("average.accuracy", "average.f1", "Natural.accuracy", "adversarial.accuracy"),
    ),
    "refinement": Use(
        part="refiner",
        settings=("max_tokens", "judge_tokens", "votes", "judge", "strategy", "budget"),
        shown=("acc_rules", "acc_judge", f"acc_{LAST_REFINER}", "acc_self"),
        later=("strategy", "budget"),
    ),
}


def planned(plan: EvaluationPlan | None) -> dict[str, BenchmarkSettings]:
    """The benchmarks of a recipe that are asked here, by name, in the order of `USES`; lm-eval's are `general_of`."""
    benchmarks = plan.benchmarks if plan is not None else None
    if benchmarks is None:
        return {}
    found = {name: getattr(benchmarks, name) for name in USES}
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
    return name if name in USES or task_of(part) is not None else None


def shown_of(part: str) -> tuple[str, ...]:
    """The scores of a measurement that pages show: none of what is no benchmark's."""
    task = task_of(part)
    if task is not None:
        return (task,)
    benchmark = benchmark_of(part)
    return () if benchmark is None else USES[benchmark].shown


def measured_part(part: str) -> Literal["actor", "refiner"]:
    """Whose model a benchmark's measurement measures."""
    return "actor" if task_of(part) is not None else USES[part.partition(BY)[0]].part


def spoken(part: str) -> str:
    """A measurement's name as people read it: `ifeval by bfs`."""
    if part == RATED_BY_LAST:
        return "refinement rated by the last refiner"
    if (task := task_of(part)) is not None:
        return task
    return part.replace(BY, " by ")


def in_order(parts: Iterable[str]) -> list[str]:
    """Names of measurements by benchmark, as `USES` has them, lm-eval's last; those of a benchmark stay as they are."""
    order = [*USES, GENERAL]
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
        for key in sorted(_changed(settings) - {*ALWAYS, *USES[name].settings}):
            fix = f"Delete it; {name} takes {', '.join((*ALWAYS, *USES[name].settings))}."
            yield Problem(keys=(*data_keys(name)[:-1], key), what=f"means nothing to {name}", fix=fix)
        if name == "refinement" and (drawn := sorted(set(settings.strategy) - set(FROM_NEGATIVES))):
            fix = f"Choose among {', '.join(FROM_NEGATIVES[1:])}."
            yield Problem(
                keys=(*data_keys(name)[:-1], "strategy"),
                what=f"{drawn[0]} does not start from given responses",
                fix=fix,
            )
