"""Which prompts a pilot runs, and as which recipe: whole shards of the first iteration, spread over it.

They are the full run's own shards, so that it finds their results. Where a run makes its starting models, so does the
pilot, from as many prompts each: what the teacher responds is found by the run, the small models made of it are not.
Pure; runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.method.records import Prompt
from spar.recipes.init import ACTOR, FIRST, REFINER, init_prompts, role_of
from spar.recipes.models import BudgetSettings, EvaluationSettings, Recipe
from spar.runtime.trace import TracedCall

EVALUATION = "evaluation"
"""The kind of the calls that measure."""
LEAST_ITEMS = 16
"""Of each measure: fewer say too little of what one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotTraining:
    """What one training of the pilot took: `fixed_s` whatever its length (loading, saving), the rest by the step.

    None: it had too few steps to tell the one from the other, and all of it is taken as fixed.
    """

    role: str
    steps: int
    step_s: float | None
    fixed_s: float
    iteration: int = FIRST


@dataclass(frozen=True, slots=True)
class InitFacts:
    """What a pilot saw of one starting model's iteration: its prompts, the rows it trained on by kind, its results."""

    prompts: tuple[Prompt, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    result_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFacts:
    """What a pilot saw. `result_bytes` are those of self-play's shards; `examples` by kind. `initial` is what it saw of
    making the starting models, by iteration."""

    prompts: tuple[Prompt, ...]
    calls: tuple[TracedCall, ...]
    result_bytes: int
    pairs: int
    examples: dict[str, int] = field(default_factory=dict)
    evaluation: EvaluationSettings | None = None
    trainings: tuple[PilotTraining, ...] = ()
    initial: Mapping[int, InitFacts] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        """Whether it went on to self-play's trainings."""
        return any(each.iteration >= FIRST for each in self.trainings)


def pilot_prompts(prompts: Sequence[Prompt], recipe: Recipe, wanted: int) -> list[Prompt]:
    """At least `wanted` of the first iteration's, as whole shards at even distances; all of it if it has no more."""
    return spread(prompts[: recipe.prompts.per_iteration], recipe.prompts.shard_size, wanted)


def initial_prompts(prompts: Sequence[Prompt], recipe: Recipe, wanted: int) -> dict[int, list[Prompt]]:
    """Of the starting models' own prompts the same, for each of the two iterations that has any."""
    actor, refiner = init_prompts(recipe)
    parts = {ACTOR: prompts[:actor], REFINER: prompts[actor : actor + refiner]}
    return {iteration: spread(mine, recipe.prompts.shard_size, wanted) for iteration, mine in parts.items() if mine}


def spread(mine: Sequence[Prompt], size: int, wanted: int) -> list[Prompt]:
    """At least `wanted` of an iteration's prompts, as whole shards at even distances."""
    shards = [mine[first : first + size] for first in range(0, len(mine), size)]
    number = min(len(shards), -(-wanted // size))
    chosen = [shards[(2 * place + 1) * len(shards) // (2 * number)] for place in range(number)]
    return [prompt for shard in chosen for prompt in shard]


def pilot_recipe(recipe: Recipe, prompts: int, train: bool, initial: Mapping[int, int] | None = None) -> Recipe:
    """One iteration of so many prompts, measured in proportion; it stops before its trainings unless `train`.

    `initial` says how many prompts the starting models have, by iteration; they are trained in any case.
    """
    share = prompts / recipe.prompts.per_iteration
    before = 0 if recipe.init is None else 2  # one training for each of the starting models
    update: dict[str, object] = {
        "iterations": 1,
        "prompts": recipe.prompts.model_copy(update={"per_iteration": prompts}),
        "budget": BudgetSettings() if train else BudgetSettings(trainings=before),
    }
    if recipe.init is not None and initial:
        numbers = {str(role_of(iteration)): number for iteration, number in initial.items()}
        fewer = recipe.init.prompts.model_copy(update=numbers)
        update["init"] = recipe.init.model_copy(update={"prompts": fewer})
    if recipe.evaluation is not None:
        update["evaluation"] = recipe.evaluation.model_copy(
            update={
                "benchmarks": None,
                **{
                    name: min(whole, max(LEAST_ITEMS, round(share * whole)))
                    for name in ("actor_prompts", "judge_items", "refine_items")
                    if (whole := getattr(recipe.evaluation, name))
                },
            }
        )
    return recipe.model_copy(update=update)
