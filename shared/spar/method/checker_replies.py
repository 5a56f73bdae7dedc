"""Reads a teacher's replies about checkers: a function with its cases, and whether two instructions contradict.

Reads code as text; whether it does what it should is found out by running it, elsewhere.
"""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.checking import Case

_BLOCK = re.compile(r"```(\w+)[ \t]*\n(.*?)```", re.DOTALL)
_ANSWER = re.compile(r"\bcontradiction\b[\s*]*:[\s*]*(yes|no)\b(?!\s*(?:or|/))", re.IGNORECASE)
FUNCTION = "evaluate"


@dataclass(frozen=True, slots=True)
class WrittenChecker:
    """One reply of a teacher: a function, and the cases that it wrote beside it."""

    source: str
    cases: tuple[Case, ...]


def parse_checker(reply: str) -> WrittenChecker | None:
    """The first Python block that defines `evaluate` and the first JSON block with cases; None without either."""
    blocks = _BLOCK.findall(reply)
    sources = [text for language, text in blocks if language.lower() in ("python", "py") and _defines(text)]
    cases = [found for language, text in blocks if language.lower() == "json" and (found := _cases(text))]
    return WrittenChecker(sources[0].strip() + "\n", cases[0]) if sources and cases else None


def parse_contradiction(reply: str) -> bool | None:
    """What the last `Contradiction: Yes` or `No` says."""
    said = _ANSWER.findall(reply)
    return said[-1].lower() == "yes" if said else None


def _defines(source: str) -> bool:
    """Whether it is Python with a function of that name; a form that was only quoted is not."""
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
