"""Which prompts a pilot runs, and as which recipe: whole shards of the first iteration, spread over it.

They are the full run's own shards, so that it reuses their results. Where a run makes its starting models, so does the
pilot, from as many prompts each: the run reuses the teacher's responses, not the small models trained on them. Pure;
runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.method.records import Prompt
from spar.recipes.init import ACTOR, FIRST, REFINER, init_prompts, role_of
from spar.recipes.models import BudgetSettings, EvaluationSettings, Recipe
from spar.runtime.trace import TracedCall

EVALUATION = "evaluation"
"""The kind of the calls of evaluations."""
LEAST_ITEMS = 16
"""Items of each measure: fewer say too little about the cost of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotTraining:
    """The duration of one of the pilot's trainings: `fixed_s` regardless of length (loading, saving), the rest a step.

    `step_s` None: too few steps to separate the two, so all of it counts as fixed.
    """

    role: str
    steps: int
    step_s: float | None
    fixed_s: float
    iteration: int = FIRST


@dataclass(frozen=True, slots=True)
class InitFacts:
    """What a pilot observed in one starting model's iteration: prompts, training rows by kind, size of results."""

    prompts: tuple[Prompt, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    result_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFacts:
    """What a pilot observed. `result_bytes` are those of self-play's shards; `examples` by kind; `initial`: making the
    starting models, by iteration."""

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
        """Whether it ran self-play's trainings."""
        return any(each.iteration >= FIRST for each in self.trainings)


def pilot_prompts(prompts: Sequence[Prompt], recipe: Recipe, wanted: int) -> list[Prompt]:
    """At least `wanted` prompts of the first iteration, as whole shards at even distances; all if it has no more."""
    return spread(prompts[: recipe.prompts.per_iteration], recipe.prompts.shard_size, wanted)


def initial_prompts(prompts: Sequence[Prompt], recipe: Recipe, wanted: int) -> dict[int, list[Prompt]]:
    """The same for each of the starting models' two iterations that has prompts."""
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
    """One iteration of this many prompts, evaluated in proportion; it stops before its trainings unless `train`.

    `initial`: the number of prompts of the starting models, by iteration; they are always trained.
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
