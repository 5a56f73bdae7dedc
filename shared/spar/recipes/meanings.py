"""What each key of a section means: the text that stands under its field in the source.

Read only where it is wanted, since reading sources takes longer than all the rest of loading a recipe.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """By key; the text of a class nearer to the section itself wins. A key without one is not among them."""
    found = {name: field.description for name, field in model.model_fields.items() if field.description}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _texts(each)
    return {name: text for name, text in found.items() if name in model.model_fields}


def about(model: type[BaseModel]) -> str:
    """What a section is, from its own class."""
    return _one_line(model.__dict__.get("__doc__") or "")


def _texts(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = inspect.getsource(model)
    except OSError:  # its keys come from a table: their fields carry their meanings
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
