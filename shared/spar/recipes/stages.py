"""Makes a stage's sections whole when a recipe is resolved: what it leaves out is taken from the recipe as written.

Reads no file. What holds in an iteration of the resolved recipe: `iteration_settings`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from spar.recipes.iteration_settings import SECTIONS
from spar.recipes.merging import merged


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
