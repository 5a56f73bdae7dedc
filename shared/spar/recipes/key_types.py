"""The type of a recipe key as text: `whole number, 1 or more`, `text or null`, `section`."""

import types
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel

from spar.recipes.models import TrainingPlan, Unit

WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def type_of(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """A key's type as text, for the reference of recipe keys."""
    annotation, marks = _unwrapped(annotation, metadata)
    sections = models_in(annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if sections:
        words = "list of sections" if origin is tuple else "section"
        words += " or `none`" if TrainingPlan in sections else ""
        return words + (" or null" if type(None) in inner else "")
    if origin in (Union, types.UnionType):
        named = [type_of(each, marks) for each in inner if each is not type(None)]
        optional = "; or null" if "," in named[-1] else " or null"
        return " or ".join(named) + (optional if type(None) in inner else "")
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {type_of(inner[0])}"
    if origin is dict:
        return f"your own keys, each with a {type_of(inner[1])}"
    return WORDS.get(annotation, "value") + _bounds(annotation, marks)


def unit_of(annotation: Any, metadata: Iterable[Any] = ()) -> str | None:
    """The outermost unit; None for a key that is not a number."""
    named = next((mark.name for mark in reversed(list(metadata)) if isinstance(mark, Unit)), None)
    annotation, marks = _unwrapped(annotation, ())
    named = named or next((mark.name for mark in reversed(marks) if isinstance(mark, Unit)), None)
    if named is not None or get_origin(annotation) in (Literal, dict, None):
        return named
    return next((unit for each in get_args(annotation) if (unit := unit_of(each)) is not None), None)


def is_number(annotation: Any) -> bool:
    """Whether the key takes numbers, and so needs a unit."""
    annotation, _ = _unwrapped(annotation, ())
    if get_origin(annotation) in (Literal, dict):
        return False
    return annotation in (int, float) or any(is_number(each) for each in get_args(annotation))


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The sections that the key takes."""
    return list(_models_in(annotation))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _unwrapped(annotation: Any, metadata: Iterable[Any]) -> tuple[Any, list[Any]]:
    marks = list(metadata)
    while hasattr(annotation, "__metadata__"):
        marks += annotation.__metadata__
        annotation = get_args(annotation)[0]
    return annotation, [each for mark in marks for each in (getattr(mark, "metadata", None) or [mark])]


def _bounds(kind: Any, marks: Iterable[Any]) -> str:
    bounds = []
    for mark in marks:
        match mark:
            case Gt(gt=0) if kind is int:
                bounds.append("1 or more")
            case Gt(gt=limit):
                bounds.append(f"above {limit}")
            case Ge(ge=limit):
                bounds.append(f"{limit} or more")
            case Le(le=limit):
                bounds.append(f"at most {limit}")
    return "".join(f", {bound}" for bound in bounds)
