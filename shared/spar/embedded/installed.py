"""Whether this process can run a recipe at all: the packages of the engine and the trainer that it names.

Looked at before anything starts, so that a missing package is one clear error and not a failure of every step.
"""

from spar.experiments.lm_eval.run import require_lm_eval
from spar.packages import require_extra
from spar.recipes.general import general_of
from spar.recipes.models import Recipe

EXTRA = "cpu"
USERS = {"transformers", "trl"}
"""Kinds of engines and trainers that need it."""


def require_packages(recipe: Recipe) -> None:
    """Raises PackageMissing."""
    plan = recipe.training
    trainers = {plan.actor.kind, plan.refiner.kind} if plan.trains else set()
    if USERS & {recipe.engine.kind, *trainers}:
        require_extra(EXTRA, f"The recipe {recipe.name}")
    if general_of(recipe.evaluation) is not None:
        require_lm_eval()
