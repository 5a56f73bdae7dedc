"""A recipe's stages: which settings an iteration has, and making a stage's sections whole. Reads no file.

`whole` is for resolving: what a stage leaves out is taken from the recipe as its user wrote it. `at` is for running.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from spar.recipes.init import FIRST, set_for
from spar.recipes.merging import merged
from spar.recipes.models import Recipe

SECTIONS = ("generation", "judgment", "search", "selection", "training", "comparison")


def at(recipe: Recipe, iteration: int) -> Recipe:
    """The recipe as it is in this iteration; without a stage for it, as it stands. Before 1 it initialises."""
    if iteration < FIRST:
        return set_for(recipe, iteration)
    for stage in recipe.stages:
        if iteration in stage.iterations:
            changed = {name: section for name in SECTIONS if (section := getattr(stage, name)) is not None}
            if not stage.compares:
                changed["comparison"] = None
            return recipe.model_copy(update=changed)
    return recipe


def settings_of(recipe: Recipe) -> list[Recipe]:
    """Every different way in which an iteration of the recipe may be set, the recipe's own first."""
    return [recipe, *(at(recipe, stage.iterations[0]) for stage in recipe.stages)]


def said(value: Any) -> Any:
    """What was written of a section, as plain data: also what says no more than the default does."""
    match value:
        case BaseModel():
            return {
                name: said(getattr(value, name)) for name in type(value).model_fields if name in value.model_fields_set
            }
        case tuple():
            return tuple(said(item) for item in value)
        case _:
            return value


def whole(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The stages of what a recipe says, each section completed by the recipe's."""
    return tuple(
        {name: _over(data.get(name), value) if name in SECTIONS else value for name, value in stage.items()}
        for stage in data.get("stages", ())
    )


def _over(base: Any, changes: Any) -> Any:
    return merged(base or {}, changes) if isinstance(changes, Mapping) else changes
