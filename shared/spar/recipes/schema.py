"""The JSON schema of a recipe file, for editors: each key's type and description. No key is required, since a file may
inherit any from what it extends.
"""

from collections.abc import Collection, Iterator
from typing import Any

from spar.recipes.extending import EXTENDS
from spar.recipes.key_types import models_in
from spar.recipes.meanings import meanings
from spar.recipes.models import Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(builtin: Collection[str]) -> dict[str, Any]:
    """`builtin`: the recipes that can be extended."""
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
        "description": "Built-in recipes whose keys this one inherits; later ones override earlier ones.",
    }
    return {"$schema": DIALECT, **schema}


def _properties(section: dict[str, Any]) -> dict[str, Any] | None:
    """The properties of a section, also if a text is allowed in place of it."""
    found: dict[str, Any] | None = section.get("properties")
    inner = (each["properties"] for each in section.get("anyOf", ()) if "properties" in each)
    return found if found is not None else next(inner, None)


def _sections(model: Any) -> Iterator[Any]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from _sections(inner)


def _loosen(schema: Any) -> None:
    """Makes every key optional, and lets a section without a training method match both methods."""
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
