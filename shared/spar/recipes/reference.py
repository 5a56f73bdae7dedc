"""The reference of all recipe keys, from the models themselves: type, default, unit and meaning; and its page.

A section whose keys occur in several places is listed once. Writes no file.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from spar.recipes.key_types import models_in, type_of, unit_of
from spar.recipes.meanings import about, meanings
from spar.recipes.models import InitSettings, Recipe
from spar.recipes.problems import Keys, dotted

HEAD = """\
# Every key of a recipe

`spar recipe reference` generates this page from the models that read recipes; a test checks that it is current. For an
introduction to recipes see [recipes.md](../recipes.md); for editors, [recipe.schema.json][schema].

*default*: the value of a key that neither the recipe nor what it extends sets; those of the method are the paper's
(arXiv 2412.11605). *null*: off, or as described. *–*: no unit. `extends`, only at the top of a file, names the built-in
recipes to inherit all other keys from: one, or a list, in which later ones override earlier ones.

[schema]: recipe.schema.json
"""
OF_ITS_KEYS = "of its keys"
REQUIRED = "required"
TOP = "The top of a recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    name: str
    type: str
    default: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePart:
    """One section at its place in a recipe. With `like`, that place has the same keys, and `keys` are those with
    another default here."""

    place: str
    about: str
    keys: tuple[Key, ...]
    like: str | None = None


def parts() -> tuple[ReferencePart, ...]:
    """All sections, each before its subsections."""
    return tuple(_parts(Recipe, (), None, {}))


def as_markdown() -> str:
    return "\n".join([HEAD, *(line for part in parts() for line in _lines(part))])


def _parts(
    model: type[BaseModel], at: Keys, values: BaseModel | None, known: dict[type[BaseModel], ReferencePart]
) -> Iterator[ReferencePart]:
    keys = tuple(_key(model, name, field, values) for name, field in model.model_fields.items())
    if model in known:
        first = known[model]
        before = {key.name: key.default for key in first.keys}
        other = tuple(key for key in keys if key.default != before[key.name])
        yield ReferencePart(place=dotted(at), about=about(model), keys=other, like=first.place)
        return
    known[model] = ReferencePart(place=dotted(at) or TOP, about=about(model), keys=keys)
    yield known[model]
    for name, field in model.model_fields.items():
        inner = models_in(field.annotation)
        for section in inner:
            marked = f"{name} (method: {_method(section)})" if len(inner) > 1 else name
            yield from _parts(section, (*at, marked), _inside(model, name, values, section), known)


def _method(section: type[BaseModel]) -> str:
    return str(section.model_fields["method"].default)


def _inside(model: type[BaseModel], name: str, values: BaseModel | None, section: type[BaseModel]) -> BaseModel | None:
    """The values of a section that a recipe leaves out; None if it has required keys."""
    given = getattr(_whole(model, values), name, model.model_fields[name].default)
    if isinstance(given, section):
        return given
    return None if any(field.is_required() for field in section.model_fields.values()) else section()


def _whole(model: type[BaseModel], values: BaseModel | None) -> BaseModel | None:
    """`init` fills its sections before they are validated."""
    return InitSettings.model_validate({}) if values is None and model is InitSettings else values


def _key(model: type[BaseModel], name: str, field: FieldInfo, values: BaseModel | None) -> Key:
    return Key(
        name=name,
        type=type_of(field.annotation, field.metadata),
        default=_default(name, field, _whole(model, values)),
        unit=(unit_of(field.annotation, field.metadata) or "none").replace("none", "–"),
        meaning=meanings(model)[name],
    )


def _default(name: str, field: FieldInfo, values: BaseModel | None) -> str:
    if values is None and field.is_required():
        return REQUIRED
    value: Any = field.default if values is None else getattr(values, name)
    if isinstance(value, BaseModel):
        return OF_ITS_KEYS
    if isinstance(value, tuple) and len(value) == 1:
        [value] = value
    return value if isinstance(value, str) else json.dumps(value)


def _lines(part: ReferencePart) -> Iterator[str]:
    yield f"\n## {part.place if part.place == TOP else f'`{part.place}`'}\n"
    yield part.about
    if part.like is not None:
        yield f"\nThe keys are those of `{part.like}`{', with other defaults:' if part.keys else '.'}"
    if part.keys:
        yield "\n| key | type | default | unit | meaning |\n|---|---|---|---|---|"
        yield from (_row(key) for key in part.keys)


def _row(key: Key) -> str:
    default = key.default if key.default in (REQUIRED, OF_ITS_KEYS) else f"`{key.default}`"
    cells = (f"`{key.name}`", key.type, default, key.unit, key.meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
