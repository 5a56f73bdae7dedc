"""A recipe written out for reading: every value, where it was set, and what is still missing.

The text is YAML that loads as the same recipe; everything else is in its comments.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from spar.recipes.models import NO_TRAINING, Recipe
from spar.recipes.problems import Keys, Problem
from spar.recipes.resolve import profile_values
from spar.recipes.source import Data, YamlSource
from spar.recipes.validating import missing_keys

DEFAULT = "default"
INDENT = "  "
WIDE = 1 << 20
"""Columns: no value is wrapped, so that its comment can follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A resolved recipe, possibly with placeholders for missing values, and its merged layers."""

    recipe: Recipe
    source: YamlSource
    missing: Collection[Keys]


def shown(recipe: Recipe, source: YamlSource, problems: Collection[Problem]) -> Shown:
    return Shown(recipe=recipe, source=source, missing=frozenset(missing_keys(problems)))


def written_out(found: Shown, origins: bool) -> str:
    """The complete recipe; with `origins` each value is followed by the file and line, or the --set, that set it."""
    data: Data = found.recipe.model_dump(mode="json")
    if not found.recipe.training.trains:
        data["training"] = NO_TRAINING
    for keys in found.missing:
        _write_missing(data, keys)
    return "\n".join(_section(data, (), found, origins)) + "\n"


def _write_missing(data: Data, keys: Keys) -> None:
    section: Any = data
    for key in keys[:-1]:
        section = section.get(key) if isinstance(section, dict) else None
    if isinstance(section, dict):
        section[keys[-1]] = None


def _section(data: Mapping[str, Any], at: Keys, found: Shown, origins: bool) -> Iterator[str]:
    margin = INDENT * len(at)
    for key, value in data.items():
        keys = (*at, key)
        if isinstance(value, Mapping) and value:
            yield f"{margin}{key}:"
            yield from _section(value, keys, found, origins)
            continue
        first, *more = _lines(key, value)
        note = _note(keys, found, origins)
        yield f"{margin}{first}{f'  # {note}' if note else ''}"
        yield from (f"{margin}{line}" for line in more)


def _lines(key: str, value: Any) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        return [f"{key}: {json.dumps(value)}"]
    return str(yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=WIDE)).splitlines()


def _note(keys: Keys, found: Shown, origins: bool) -> str:
    if keys in found.missing:
        return f"MISSING, and required: give it here, or by --set {'.'.join(keys)}=VALUE"
    return _origin(keys, found) if origins else ""


def _origin(keys: Keys, found: Shown) -> str:
    places = found.source.places
    if _is_written(found.source.data, keys):
        return next(places[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in places)
    if keys[-2:] in profile_values(found.recipe.profile):
        return f"profile {found.recipe.profile}"
    if keys == ("training",) or (keys == ("iterations",) and not found.recipe.training.trains):
        return "all models are served" if keys == ("training",) else "nothing is trained"
    return DEFAULT


def _is_written(data: Data, keys: Keys) -> bool:
    section: Any = data
    for key in keys:
        if not isinstance(section, Mapping) or key not in section:
            return False
        section = section[key]
    return True
