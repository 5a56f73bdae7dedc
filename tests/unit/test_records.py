"""Records are built by keyword where position could swap two fields unseen."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BY_POSITION = {
    "Message": "role and text, in the order of every chat API",
    "Explanation": "what happened and what to do, in the order of every error of spar.errors",
}
"""Records with two fields of one type whose order nobody mistakes."""


def positional_twins(source: str) -> list[str]:
    """Dataclasses with two fields of one type that can be given by position."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and _is_positional(node) and _has_twins(node)
    ]


def _is_positional(node: ast.ClassDef) -> bool:
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(named).endswith("dataclass"):
            given = decorator.keywords if isinstance(decorator, ast.Call) else []
            return not any(each.arg == "kw_only" and ast.unparse(each.value) == "True" for each in given)
    return False


def _has_twins(node: ast.ClassDef) -> bool:
    return any(count > 1 for count in Counter(_types(node)).values())


def _types(node: ast.ClassDef) -> Iterator[str]:
    for field in node.body:
        made = isinstance(field, ast.AnnAssign) and field.value is not None and "init=False" in ast.unparse(field.value)
        if isinstance(field, ast.AnnAssign) and not made and "ClassVar" not in ast.unparse(field.annotation):
            yield ast.unparse(field.annotation)


def test_no_record_takes_two_fields_of_one_type_by_position() -> None:
    found = {
        name: str(path.relative_to(ROOT))
        for folder in ("shared/spar", "services")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in positional_twins(path.read_text(encoding="utf-8"))
    }
    refused = {name: path for name, path in found.items() if name not in BY_POSITION}
    assert not refused, "give these kw_only=True"
    assert set(found) == set(BY_POSITION), "an exception that is no longer needed"


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("@dataclass\nclass A:\n    x: int\n    y: int", ["A"]),
        ("@dataclass(frozen=True)\nclass A:\n    x: int\n    y: int = 0", ["A"]),
        ("@dataclasses.dataclass(kw_only=False)\nclass A:\n    x: int\n    y: int", ["A"]),
        ("@dataclass(kw_only=True)\nclass A:\n    x: int\n    y: int", []),
        ("@dataclass\nclass A:\n    x: int\n    y: str", []),
        ("@dataclass\nclass A:\n    x: int\n    y: int = field(init=False)", []),
        ("@dataclass\nclass A:\n    x: int\n    y: ClassVar[int]\n    z: ClassVar[int]", []),
        ("class A:\n    x: int\n    y: int", []),
    ],
)
def test_what_counts_as_such_a_record(source: str, refused: list[str]) -> None:
    assert positional_twins(source) == refused
