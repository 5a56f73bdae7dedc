"""The descriptions of a section's keys: the texts below the fields in the source.

Read only when needed, since reading sources takes longer than the rest of loading a recipe.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Descriptions by key; those of subclasses take precedence. Keys without one are missing."""
    found = {name: field.description for name, field in model.model_fields.items() if field.description}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _texts(each)
    return {name: text for name, text in found.items() if name in model.model_fields}


def about(model: type[BaseModel]) -> str:
    """The description of a section, from its class."""
    return _one_line(model.__dict__.get("__doc__") or "")


def _texts(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = inspect.getsource(model)
    except OSError:  # its keys come from a table: the fields have descriptions
        return {}
    [section] = ast.parse(dedent(source)).body
    body = section.body if isinstance(section, ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match text:
                case ast.Expr(value=ast.Constant(value=str(meaning))):
                    found[field.target.id] = _one_line(meaning)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
