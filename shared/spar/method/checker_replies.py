"""Reads a teacher's replies about checkers: a function with its cases, and whether two instructions contradict.

Reads code as text; whether it works is tested elsewhere, by running it.
"""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.checking import Case
from spar.method.reading import YES_NO_CHOICE, FormField, after_thoughts, read_yes_no, stated

_BLOCK = re.compile(r"^[ \t]*```(\w+)[ \t]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_CONTRADICTION = FormField.of(r"contradiction\b|矛盾", YES_NO_CHOICE)
FUNCTION = "evaluate"


@dataclass(frozen=True, slots=True)
class WrittenChecker:
    """One reply of a teacher: a function, and the cases that it wrote for it."""

    source: str
    cases: tuple[Case, ...]


def parse_checker(reply: str) -> WrittenChecker | None:
    """The first Python block that defines `evaluate` and the first JSON block with cases; None without either."""
    blocks = _BLOCK.findall(after_thoughts(reply) or "")
    sources = [text for language, text in blocks if language.lower() in ("python", "py") and _defines(text)]
    cases = [found for language, text in blocks if language.lower() == "json" and (found := _cases(text))]
    return WrittenChecker(sources[0].strip() + "\n", cases[0]) if sources and cases else None


def parse_contradiction(reply: str, finish_reason: str = "stop") -> bool | None:
    """The value of the line `Contradiction: Yes` or `No`."""
    return stated(reply, finish_reason, _CONTRADICTION, read_yes_no)


def _defines(source: str) -> bool:
    """Whether it is Python with a function of that name; a quoted form is not."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(statement, ast.FunctionDef) and statement.name == FUNCTION for statement in body)


def _cases(text: str) -> tuple[Case, ...]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(case for row in rows if (case := _case(row)) is not None) if isinstance(rows, Sequence) else ()


def _case(row: object) -> Case | None:
    if not isinstance(row, dict):
        return None
    response, follows = row.get("response"), row.get("follows")
    return Case(response, follows) if isinstance(response, str) and isinstance(follows, bool) else None
