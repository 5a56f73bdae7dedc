"""What a recipe lets expect of the first step of each kind, before any has been seen: calls, from its settings alone.

Knows no tokens: how long replies are nobody knows before they come.
"""

from spar.messages.base import StepKind
from spar.recipes.models import Recipe
from spar.recipes.policies import judging_policy
from spar.recipes.spending import Spent


def first_costs(recipe: Recipe) -> dict[StepKind, Spent]:
    """Of a whole shard: each prompt drawn in one call, each response judged in one, each tree of a single level."""
    prompts, policy = recipe.prompts.shard_size, judging_policy(recipe.judgment.policy)
    calls = {
        StepKind.GENERATION: prompts,
        StepKind.JUDGMENT: prompts * recipe.generation.n if policy.form is not None else 0,
        StepKind.REFINEMENT: prompts * (1 + recipe.search.branch),
    }
    return {kind: Spent(calls=number, completion_tokens=number) for kind, number in calls.items()}
