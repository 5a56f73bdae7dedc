"""The judge and refine forms as constants of someone's Python sources, turned into templates. Executes nothing.

The sources are the reference implementation's: `judge_template` of one module, a string with two `{}`, and the last
turn of `build_refine_message` in another. Knows no wording: that is only in the sources.
"""

import ast
from string import Formatter

from spar.errors import DataError
from spar.method.templates import TemplateSet

JUDGE_CONSTANT, REFINE_FUNCTION = "judge_template", "build_refine_message"
PLACES = ("$prompt", "$response")
"""What the judge form's two places stand for, in their order."""


def templates_of(name: str, judge_source: str, refine_source: str) -> TemplateSet:
    """Raises DataError where a source does not hold its form, or not in this shape."""
    return TemplateSet(
        name=name, judge=_with_places(_judge(judge_source)), refine=_refine(refine_source).replace("$", "$$")
    )


def _judge(source: str) -> str:
    for statement in _parsed(source).body:
        if isinstance(statement, ast.Assign) and any(_named(target, JUDGE_CONSTANT) for target in statement.targets):
            return _text(statement.value, JUDGE_CONSTANT)
    raise _missing(JUDGE_CONSTANT)


def _refine(source: str) -> str:
    """The content of the last message in the list that the function returns."""
    for node in ast.walk(_parsed(source)):
        if not isinstance(node, ast.FunctionDef) or node.name != REFINE_FUNCTION:
            continue
        lists = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
        if lists and isinstance(lists[-1], ast.List) and lists[-1].elts and isinstance(lists[-1].elts[-1], ast.Dict):
            last = lists[-1].elts[-1]
            for key, value in zip(last.keys, last.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "content":
                    return _text(value, REFINE_FUNCTION)
    raise _missing(REFINE_FUNCTION)


def _with_places(text: str) -> str:
    """`str.format`'s two unnamed places as ours; its doubled braces are single ones."""
    places = iter(PLACES)
    parts: list[str] = []
    try:
        for literal, name, spec, conversion in Formatter().parse(text):
            parts.append(literal.replace("$", "$$"))
            if name is not None:
                if name or spec or conversion:
                    raise ValueError("a place has a name or a format")
                parts.append(next(places))
    except (ValueError, StopIteration) as error:
        raise _missing(f"{JUDGE_CONSTANT} with two plain places") from error
    if next(places, None) is not None:
        raise _missing(f"{JUDGE_CONSTANT} with two plain places")
    return "".join(parts)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _missing("valid Python") from error


def _named(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _text(value: ast.expr, name: str) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    raise _missing(f"{name} as one plain string")


def _missing(what: str) -> DataError:
    return DataError(f"The sources of the templates do not hold {what}.", "Name another checkout with --from.")
