"""What a recipe lets expect of the first step of each kind, before any has been seen: calls, from its settings alone.

Knows no tokens: how long replies are nobody knows before they come.
"""

from spar.messages.base import StepKind
from spar.recipes.iteration_settings import IterationSettings
from spar.recipes.policies import judging_policy
from spar.recipes.spending import Spent


def first_costs(settings: IterationSettings, prompts: int) -> dict[StepKind, Spent]:
    """Of a whole shard of so many prompts: one call to draw each, one to judge each response, a level for each tree."""
    policy = judging_policy(settings.judgment.policy)
    calls = {
        StepKind.GENERATION: prompts,
        StepKind.JUDGMENT: prompts * settings.generation.n if policy.form is not None else 0,
        StepKind.REFINEMENT: prompts * (1 + settings.search.branch),
    }
    return {kind: Spent(calls=number, completion_tokens=number) for kind, number in calls.items()}
