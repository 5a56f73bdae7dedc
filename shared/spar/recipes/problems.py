"""Problems of a recipe and their report: each with its place, what is wrong, and the fix.

Turns pydantic's errors into sentences; reads no file.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from pydantic import BaseModel, ValidationError

from spar.errors import RecipeError
from spar.recipes.key_types import models_in

Keys = tuple[str, ...]
"""The path of a value: ("search", "beam_width") for `search.beam_width`."""

MOST_SHOWN = 50
"""Problems listed in one error; more usually have a common cause."""
WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
}


class Flaw(StrEnum):
    WRONG = "wrong"
    MISSING = "missing"  # the recipe is otherwise valid: a value must still be given


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at `keys`. If several values conflict, `between` names them all."""

    keys: Keys
    what: str
    fix: str
    flaw: Flaw = Flaw.WRONG
    between: tuple[Keys, ...] = ()

    @property
    def repairs(self) -> tuple[Keys, ...]:
        """The values that must change before anything else can be checked."""
        return self.between or (self.keys,)


def dotted(keys: Iterable[str]) -> str:
    return ".".join(keys)


def raise_for(title: str, problems: Sequence[Problem], places: Mapping[Keys, str]) -> None:
    """Raise one RecipeError that lists all problems, one per line; do nothing if there are none."""
    if not problems:
        return
    if len(problems) == 1:
        only = problems[0]
        raise RecipeError(f"{_located(only.keys, places)} {only.what}.", only.fix)
    ordered = sorted(problems, key=lambda each: _line(_place(each.keys, places)))
    lines = [f"  {_located(each.keys, places)} {each.what}. {each.fix}" for each in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        lines.append(f"  and {len(ordered) - MOST_SHOWN:,} more")
    raise RecipeError(
        f"{title} has {len(problems)} problems:\n" + "\n".join(lines), "Correct each of them, then try again."
    )


def _located(keys: Keys, places: Mapping[Keys, str]) -> str:
    """The key's place, and its path."""
    place = _place(keys, places)
    return " ".join(part for part in (f"{place}:" if place else "", dotted(keys)) if part)


def _place(keys: Keys, places: Mapping[Keys, str]) -> str:
    """The file and line of the key, of a key inside it, or of the nearest section around it."""
    if keys in places:
        return places[keys]
    around = (places[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in places)
    inside = (place for known, place in places.items() if keys and known[: len(keys)] == keys)
    return next(chain(inside, around), "")


def _line(place: str) -> tuple[str, int]:
    """Sort key by file and line; places without a line come first."""
    name, _, line = place.rpartition(":")
    return (name, int(line)) if line.isdecimal() else (place, 0)


def from_validation(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    return [_from_detail(dict(detail), model) for detail in error.errors(include_url=False)]


def _from_detail(detail: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    keys = _without_tags(tuple(str(part) for part in detail["loc"]))
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(keys, model)
    if kind == "missing":
        return _missing_key(keys, model)
    if kind == "value_error":
        between = tuple((*keys, name) for name in getattr(context["error"], "between", ()))
        return Problem(
            keys=keys, what=f"does not fit: {context['error']}", fix="Change one of the two.", between=between
        )
    if value is None:
        return Problem(keys=keys, what="is empty", fix="Give it a value, or delete the key to get the default.")
    if kind == "union_tag_invalid":
        return Problem(
            keys=(*keys, "method"), what=f"is {context['tag']!r}", fix=f"Choose one of: {context['expected_tags']}."
        )
    if kind == "literal_error":
        return Problem(keys=keys, what=f"is {value!r}", fix=f"Choose one of: {context['expected']}.")
    if kind in WANTED:
        return Problem(keys=keys, what=f"is {value!r}", fix=f"Write {WANTED[kind]}.")
    return Problem(keys=keys, what=f"is {value!r}", fix=f"{detail['msg'].replace('Input should', 'It should')}.")


def _without_tags(keys: Keys) -> Keys:
    """Removes the method that pydantic adds to the path of an actor's training, which is not a recipe key."""
    marks = {index for index, key in enumerate(keys) if index and key in ("dpo", "sft") and keys[index - 1] == "actor"}
    return tuple(key for index, key in enumerate(keys) if index not in marks)


def _unknown_key(keys: Keys, model: type[BaseModel]) -> Problem:
    known = known_keys(model, keys[:-1])
    close = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.6)
    fix = f"Did you mean '{close[0]}'?" if close else f"Known keys here: {', '.join(known)}."
    return Problem(keys=keys, what="is not a key of a recipe", fix=fix)


def _missing_key(keys: Keys, model: type[BaseModel]) -> Problem:
    section = section_at(model, keys)
    wanted = [dotted(keys)]
    if section is not None:
        wanted = [dotted((*keys, name)) for name, field in section.model_fields.items() if field.is_required()]
    options = " ".join(f"--set {name}=VALUE" for name in wanted)
    return Problem(keys=keys, what="is missing", fix=f"Add it to the recipe, or give {options}.", flaw=Flaw.MISSING)


def known_keys(model: type[BaseModel], keys: Keys) -> list[str]:
    section = section_at(model, keys)
    return sorted(section.model_fields) if section is not None else []


def section_at(model: type[BaseModel], keys: Keys) -> type[BaseModel] | None:
    """The model of the section at `keys`; None if there is a value."""
    section: type[BaseModel] | None = model
    for key in keys:
        if key.isdecimal():  # an index in a list of sections
            continue
        if section is None or key not in section.model_fields:
            return None
        section = next(iter(models_in(section.model_fields[key].annotation)), None)
    return section
