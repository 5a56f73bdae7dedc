"""Which prompts a pilot runs, and as which recipe: whole shards of the first iteration, spread over it.

They are the full run's own shards, so that it finds their results. Pure; runs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spar.method.records import Prompt
from spar.recipes.models import BudgetSettings, EvaluationSettings, Recipe
from spar.runtime.trace import Call

LEAST_ITEMS = 16
"""Of each measure: fewer say too little of what one takes."""


@dataclass(frozen=True, slots=True)
class PilotTraining:
    """What one training of the pilot took: `fixed_s` whatever its length (loading, saving), the rest by the step.

    None: it had too few steps to tell the one from the other, and all of it is taken as fixed.
    """

    role: str
    steps: int
    step_s: float | None
    fixed_s: float


@dataclass(frozen=True, slots=True)
class PilotFacts:
    """What a pilot saw. `result_bytes` are those of its shards' results; `examples` by kind."""

    prompts: tuple[Prompt, ...]
    calls: tuple[Call, ...]
    result_bytes: int
    pairs: int
    examples: dict[str, int] = field(default_factory=dict)
    evaluation: EvaluationSettings | None = None
    trainings: tuple[PilotTraining, ...] = ()


def pilot_prompts(prompts: Sequence[Prompt], recipe: Recipe, wanted: int) -> list[Prompt]:
    """At least `wanted` of the first iteration's, as whole shards at even distances; all of it if it has no more."""
    size = recipe.prompts.shard_size
    mine = prompts[: recipe.prompts.per_iteration]
    shards = [mine[first : first + size] for first in range(0, len(mine), size)]
    number = min(len(shards), -(-wanted // size))
    chosen = [shards[(2 * place + 1) * len(shards) // (2 * number)] for place in range(number)]
    return [prompt for shard in chosen for prompt in shard]


def pilot_recipe(recipe: Recipe, prompts: int, train: bool) -> Recipe:
    """One iteration of so many prompts, measured in proportion; it stops before its trainings unless `train`."""
    share = prompts / recipe.prompts.per_iteration
    update = {
        "iterations": 1,
        "prompts": recipe.prompts.model_copy(update={"per_iteration": prompts}),
        "budget": BudgetSettings() if train else BudgetSettings(trainings=0),
    }
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
