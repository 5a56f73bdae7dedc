"""A recipe to be planned, which needs less than one to be run: prompts and data may still be missing.

What is missing and would be counted, a benchmark's items, is left out of the plan and reported. Runs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.recipes.benchmarks import RECIPE_BENCHMARKS, data_keys
from spar.recipes.general import GENERAL
from spar.recipes.load import examine, finished, open_recipe
from spar.recipes.models import Recipe
from spar.recipes.problems import Flaw, Keys
from spar.recipes.validating import missing_keys

NEEDED = ("models.actor", "models.refiner")
"""What a plan is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """`missing` is what a run needs besides; the recipe has stand-ins there, and no benchmark without data."""

    recipe: Recipe
    missing: tuple[Keys, ...]


def recipe_to_plan(name_or_path: str, overrides: Sequence[str]) -> Unfinished:
    """Raises RecipeError as for a run where anything is wrong, or where models are missing."""
    opened = open_recipe(name_or_path, overrides)
    recipe, problems = examine(opened, run_here=False)
    missing = tuple(sorted(missing_keys(problems)))
    wrong = any(problem.flaw is not Flaw.MISSING for problem in problems)
    if recipe is None or wrong or any(".".join(keys) in NEEDED for keys in missing):
        return Unfinished(recipe=finished(opened, run_here=False), missing=())
    return Unfinished(recipe=_without_benchmarks(recipe, missing), missing=missing)


def _without_benchmarks(recipe: Recipe, missing: Sequence[Keys]) -> Recipe:
    plan = recipe.evaluation
    without = [name for name in RECIPE_BENCHMARKS if data_keys(name) in missing]
    if plan is None or plan.benchmarks is None or not without:
        return recipe
    benchmarks = plan.benchmarks.model_copy(update=dict.fromkeys(without))
    left = any(getattr(benchmarks, name) is not None for name in (*RECIPE_BENCHMARKS, GENERAL))
    changed = plan.model_copy(update={"benchmarks": benchmarks if left else None})
    return recipe.model_copy(update={"evaluation": changed if left or plan.suite != "none" else None})
