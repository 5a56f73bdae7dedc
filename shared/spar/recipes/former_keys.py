"""Renamed recipe keys: recipes and stored runs with former keys are read as if they had the present ones.

Each section lists its own (`Section.former_keys`). Identities of results and runs use the former names, so that a
rename orphans no stored result.
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
    """Rename former keys in the data of one layer. Warns once for each; a former key that contradicts the present one
    is a problem."""
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
    """The present path of a key given to `--set`."""
    for end in range(1, len(keys) + 1):
        if (present := former_paths().get(keys[:end])) is not None:
            _warn(keys[:end], present)
            keys = (*keys[: end - 1], present, *keys[end:])
    return keys


def with_present_keys(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A stored recipe, as JSON, with present keys."""
    renamed = deepcopy(dict(recipe))
    for keys, present, section in _former_in(renamed, Recipe, ()):
        section.setdefault(present, section.pop(keys[-1]))
    return renamed


def stored_section(recipe: Mapping[str, Any], name: str) -> Any:
    """One section of a stored recipe, under its present or former name; None if it has none."""
    former = next((former for former, present in Recipe.former_keys.items() if present == name), name)
    return recipe.get(name, recipe.get(former))


def with_former_keys(section: BaseModel) -> dict[str, Any]:
    """A section as JSON with its former keys, which its identity uses."""
    written: dict[str, Any] = _former(section, section.model_dump(mode="json"))
    return written


@cache
def former_paths() -> Mapping[Keys, str]:
    """The full path of each former key, with the key's present name."""
    return dict(_paths(Recipe, ()))


def _paths(kind: type[BaseModel], above: Keys) -> Iterator[tuple[Keys, str]]:
    yield from (((*above, former), present) for former, present in _renames(kind).items())
    for name, inner in _inner(kind):
        yield from _paths(inner, (*above, name))


def _former_in(data: dict[Any, Any], kind: type[BaseModel], above: Keys) -> Iterator[tuple[Keys, str, dict[Any, Any]]]:
    """Each former key in the data: its full path, its present name and the section that holds it. Rename it before
    taking the next: keys below it are searched under the present name."""
    for former, present in _renames(kind).items():
        if former in data:
            yield (*above, former), present, data
    for name, inner in _inner(kind):
        for keys, section in _sections(data.get(name), (*above, name)):
            yield from _former_in(section, inner, keys)


def _sections(value: Any, keys: Keys) -> Iterator[tuple[Keys, dict[Any, Any]]]:
    """The section itself, or each section of a list."""
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
    """Cached, so it warns once per process. structlog is imported here, since reading a run warns of nothing."""
    import structlog

    structlog.get_logger().warning("recipe_key_renamed", key=dotted(keys), now=dotted((*keys[:-1], present)))


def _named(keys: Keys) -> Keys:
    """Without list indices, so that each key is reported once, however many sections have it."""
    return tuple(key for key in keys if not key.isdigit())


def _former(value: Any, written: Any) -> Any:
    if isinstance(value, Section):
        former = {present: key for key, present in value.former_keys.items()}
        return {former.get(name, name): _former(getattr(value, name), each) for name, each in written.items()}
    if isinstance(value, tuple) and any(isinstance(one, Section) for one in value):
        return [_former(one, each) for one, each in zip(value, written, strict=True)]
    return written
