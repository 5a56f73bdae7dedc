"""From a recipe's plain data to a recipe, or to everything that is wrong with its keys and values.

What is missing or bad gets a stand-in, so that the rest can be looked at in the same round. A problem that only a
stand-in has is nobody's: `without_stand_ins` drops it. Reads no file.
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
"""No name of a model, a file or a server."""
STAND_INS: Mapping[Keys, str] = {
    ("name",): "missing",  # has to look like one
    **{("models", role): f"served:{STAND_IN}" for role in ("actor", "refiner")},  # no folder, so no path of this host
}
ROUNDS = 8
"""Each repairs what the last one found; a section is looked at as a whole only once its keys are right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """`recipe` has stand-ins where there are problems; None where even that could not be."""

    recipe: Recipe | None
    problems: tuple[Problem, ...]


def validate(data: Data) -> Validated:
    """Every problem of a recipe at once: what is wrong is replaced by a stand-in, and the rest is validated again."""
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
    """What is wrong besides what is known to be: nothing about a stand-in, and no key twice."""
    wrong = {keys for problem in known for keys in problem.repairs}
    for problem in problems:
        if problem.keys not in wrong and STAND_IN not in f"{problem.what} {problem.fix}":
            yield problem


def missing_keys(problems: Iterable[Problem]) -> list[Keys]:
    """Every single value that is still to be given; a missing section's are those that it needs."""
    found = []
    for problem in problems:
        if problem.flaw is Flaw.MISSING:
            section = section_at(Recipe, problem.keys)
            found += [problem.keys] if section is None else [(*problem.keys, name) for name in _required(section)]
    return found


def _repair(data: Data, keys: Keys) -> None:
    """Write a stand-in for what has to be there; remove what need not, so that it gets its default."""
    section: Any = data
    for depth, key in enumerate(keys[:-1]):
        inner = section.get(key)
        if not isinstance(inner, dict):  # a list, such as `stages`: it goes as a whole
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
