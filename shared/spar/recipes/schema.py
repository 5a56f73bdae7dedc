"""The JSON schema of a recipe file, for editors: what each key takes and means. A file may leave any key to what it
extends, so nothing is required here.
"""

from collections.abc import Collection, Iterator
from typing import Any

from spar.recipes.extending import EXTENDS
from spar.recipes.key_types import models_in
from spar.recipes.meanings import meanings
from spar.recipes.models import Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(builtin: Collection[str]) -> dict[str, Any]:
    """`builtin` are the recipes that can be extended."""
    schema = Recipe.model_json_schema()
    sections = {model.__name__: model for model in _sections(Recipe)}
    for name, section in {"Recipe": schema, **schema["$defs"]}.items():
        properties = _properties(section)
        if name in sections and properties is not None:
            for key, text in meanings(sections[name]).items():
                properties[key]["description"] = text
    _loosen(schema)
    names = {"enum": sorted(builtin)}
    schema["properties"][EXTENDS] = {
        "anyOf": [names, {"type": "array", "items": names, "minItems": 1}],
        "description": "Built-in recipes whose keys this one takes over; of several, a later one wins.",
    }
    return {"$schema": DIALECT, **schema}


def _properties(section: dict[str, Any]) -> dict[str, Any] | None:
    """A section's, also where a text may stand instead of it."""
    found: dict[str, Any] | None = section.get("properties")
    inner = (each["properties"] for each in section.get("anyOf", ()) if "properties" in each)
    return found if found is not None else next(inner, None)


def _sections(model: Any) -> Iterator[Any]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from _sections(inner)


def _loosen(schema: Any) -> None:
    """A file may leave out any key; and what names no training method fits both."""
    if isinstance(schema, dict):
        if isinstance(schema.get("required"), list):
            del schema["required"]
        if isinstance(schema.get("oneOf"), list):
            schema["anyOf"] = schema.pop("oneOf")
            schema.pop("discriminator", None)
        for inner in schema.values():
            _loosen(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _loosen(inner)
