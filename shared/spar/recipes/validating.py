"""Validates a recipe's plain data, collecting everything that is wrong with its keys and values.

Missing or invalid values are replaced by placeholders, so that the rest can be checked at the same time.
`without_stand_ins` drops problems of placeholders. Reads no file.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from spar.recipes.models import Recipe
from spar.recipes.problems import Flaw, Keys, Problem, from_validation, section_at
from spar.recipes.source import Data

STAND_IN = "(missing)"
"""A placeholder that is no name of a model, a file or a server."""
STAND_INS: Mapping[Keys, str] = {
    ("name",): "missing",  # must be a valid name
    **{("models", role): f"served:{STAND_IN}" for role in ("actor", "refiner")},  # not a path of this host
}
ROUNDS = 8
"""Each repairs what the last one found; a section is validated as a whole only once its keys are valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """`recipe` has placeholders where there are problems; None if it could not be repaired."""

    recipe: Recipe | None
    problems: tuple[Problem, ...]


def validate(data: Data) -> Validated:
    """Finds every problem of a recipe at once: invalid values become placeholders, and the rest is revalidated."""
    data, problems = deepcopy(data), list[Problem]()
    for _ in range(ROUNDS):
        try:
            return Validated(recipe=Recipe.model_validate(data), problems=tuple(problems))
        except ValidationError as error:
            found = from_validation(error, Recipe)
        for problem in found:
            for keys in problem.repairs:
                _repair(data, keys)
        known = {problem.keys for problem in problems}
        problems += [problem for problem in found if problem.keys not in known]
    return Validated(recipe=None, problems=tuple(problems))


def without_stand_ins(problems: Iterable[Problem], known: Iterable[Problem]) -> Iterator[Problem]:
    """The problems that are not already known: none about a placeholder, and no key twice."""
    wrong = {keys for problem in known for keys in problem.repairs}
    for problem in problems:
        if problem.keys not in wrong and STAND_IN not in f"{problem.what} {problem.fix}":
            yield problem


def missing_keys(problems: Iterable[Problem]) -> list[Keys]:
    """Every value that must still be given; for a missing section, its required keys."""
    found = []
    for problem in problems:
        if problem.flaw is Flaw.MISSING:
            section = section_at(Recipe, problem.keys)
            found += [problem.keys] if section is None else [(*problem.keys, name) for name in _required(section)]
    return found


def _repair(data: Data, keys: Keys) -> None:
    """Replace a required value by a placeholder; remove an optional one, so that it gets its default."""
    section: Any = data
    for depth, key in enumerate(keys[:-1]):
        inner = section.get(key)
        if not isinstance(inner, dict):  # a list, such as `stages`, is removed as a whole
            section.pop(key, None)
            return
        if keys[: depth + 1] and key not in section:
            return
        section = inner
    model = section_at(Recipe, keys[:-1])
    field = None if model is None else model.model_fields.get(keys[-1])
    if field is None or not field.is_required():
        section.pop(keys[-1], None)
    else:
        section[keys[-1]] = _stand_in(keys)


def _stand_in(keys: Keys) -> Any:
    section = section_at(Recipe, keys)
    if section is None:
        return STAND_INS.get(keys, STAND_IN)
    return {name: _stand_in((*keys, name)) for name in _required(section)}


def _required(section: type[BaseModel]) -> list[str]:
    return [name for name, field in section.model_fields.items() if field.is_required()]
