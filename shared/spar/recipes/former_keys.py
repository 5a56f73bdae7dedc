"""Recipe keys that have been renamed: recipes and stored runs with the former ones are read as if they had the present.

Each section names its own (`Section.former_keys`). What identifies a result or a run counts under the former names, so
that no stored result is orphaned by a rename.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from pydantic import BaseModel

from spar.recipes.key_types import models_in
from spar.recipes.models import Recipe
from spar.recipes.models.base import Section
from spar.recipes.problems import Keys, Problem, dotted
from spar.recipes.source import YamlSource


def read_former(source: YamlSource) -> None:
    """Give the data of one layer its present keys. Warns once for each former key; one that contradicts the present key
    beside it is a problem."""
    for keys, present, section in _former_in(source.data, Recipe, ()):
        now = (*keys[:-1], present)
        _warn(_named(keys), present)
        value = section.pop(keys[-1])
        if section.setdefault(present, value) == value:
            _move_places(source.places, keys, now)
            continue
        what = f"is {value!r}, but its present name, {dotted(now)}, is {section[present]!r}"
        source.problems.append(Problem(keys=keys, what=what, fix=f"Delete {dotted(keys)}."))


def present_path(keys: Keys) -> Keys:
    """Where a key of `--set` stands today."""
    for end in range(1, len(keys) + 1):
        if (present := former_paths().get(keys[:end])) is not None:
            _warn(keys[:end], present)
            keys = (*keys[: end - 1], present, *keys[end:])
    return keys


def with_present_keys(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A stored recipe, as JSON, with its present keys."""
    renamed = deepcopy(dict(recipe))
    for keys, present, section in _former_in(renamed, Recipe, ()):
        section.setdefault(present, section.pop(keys[-1]))
    return renamed


def stored_section(recipe: Mapping[str, Any], name: str) -> Any:
    """One section of a stored recipe, whichever name it was stored under; None if it has none."""
    former = next((former for former, present in Recipe.former_keys.items() if present == name), name)
    return recipe.get(name, recipe.get(former))


def with_former_keys(section: BaseModel) -> dict[str, Any]:
    """A section as JSON with its former keys, by which it is identified."""
    written: dict[str, Any] = _former(section, section.model_dump(mode="json"))
    return written


@cache
def former_paths() -> Mapping[Keys, str]:
    """The whole path of each former key, and the key's present name."""
    return dict(_paths(Recipe, ()))


def _paths(kind: type[BaseModel], above: Keys) -> Iterator[tuple[Keys, str]]:
    yield from (((*above, former), present) for former, present in _renames(kind).items())
    for name, inner in _inner(kind):
        yield from _paths(inner, (*above, name))


def _former_in(data: dict[Any, Any], kind: type[BaseModel], above: Keys) -> Iterator[tuple[Keys, str, dict[Any, Any]]]:
    """Each former key in the data: its whole path, its present name and the section that holds it. Rename it before
    the next is taken: what lies below it is looked for under the present name."""
    for former, present in _renames(kind).items():
        if former in data:
            yield (*above, former), present, data
    for name, inner in _inner(kind):
        for keys, section in _sections(data.get(name), (*above, name)):
            yield from _former_in(section, inner, keys)


def _sections(value: Any, keys: Keys) -> Iterator[tuple[Keys, dict[Any, Any]]]:
    """The section itself, or each of a list of sections."""
    if isinstance(value, dict):
        yield keys, value
    elif isinstance(value, list):
        yield from (((*keys, str(place)), each) for place, each in enumerate(value) if isinstance(each, dict))


def _renames(kind: type[BaseModel]) -> Mapping[str, str]:
    return kind.former_keys if issubclass(kind, Section) else {}


def _inner(kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections that a section's keys may hold."""
    for name, field in kind.model_fields.items():
        yield from ((name, inner) for inner in models_in(field.annotation))


def _move_places(places: dict[Keys, str], former: Keys, present: Keys) -> None:
    for keys in [known for known in places if known[: len(former)] == former]:
        places[(*present, *keys[len(former) :])] = places.pop(keys)


@cache
def _warn(keys: Keys, present: str) -> None:
    """Cached: once a process. Reading a run warns of nothing, so it does without the logger's import."""
    import structlog

    structlog.get_logger().warning("recipe_key_renamed", key=dotted(keys), now=dotted((*keys[:-1], present)))


def _named(keys: Keys) -> Keys:
    """Without the places in lists: each key is named once, however many sections have it."""
    return tuple(key for key in keys if not key.isdigit())


def _former(value: Any, written: Any) -> Any:
    if isinstance(value, Section):
        former = {present: key for key, present in value.former_keys.items()}
        return {former.get(name, name): _former(getattr(value, name), each) for name, each in written.items()}
    if isinstance(value, tuple) and any(isinstance(one, Section) for one in value):
        return [_former(one, each) for one, each in zip(value, written, strict=True)]
    return written
