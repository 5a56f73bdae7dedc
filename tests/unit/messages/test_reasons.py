"""Every reason with which a run, step, attempt, reply or prompt can fail says what happened and what to do."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import services
import spar
from spar import errors
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.reasons import FAILURES, JUDGMENTS, OUTCOMES, REPLIES, Explanation
from spar.method.records import JudgmentFailure, Outcome, ReplyFailure
from spar.runtime.leases import LostReason

EXPLAINED: dict[type[StrEnum], Mapping[Any, Explanation]] = {
    FailureReason: FAILURES,
    ReplyFailure: REPLIES,
    JudgmentFailure: JUDGMENTS,
    Outcome: OUTCOMES,
}
PACKAGES = [Path(str(spar.__file__)).parent, Path(str(services.__file__)).parent]


def is_sentence(text: str) -> bool:
    return text[:1].isupper() and text.endswith(".") and len(text.split()) >= 3


@pytest.mark.parametrize("reasons", EXPLAINED)
def test_each_type_has_its_two_sentences(reasons: type[StrEnum]) -> None:
    explained = EXPLAINED[reasons]
    assert set(explained) == set(reasons)
    for reason, explanation in explained.items():
        assert is_sentence(explanation.what), reason
        assert is_sentence(explanation.fix), reason


@pytest.mark.parametrize("reason", EndReason)
def test_a_run_that_ended_early_always_says_what_to_do(reason: EndReason) -> None:
    assert is_sentence(RunEnd(reason=reason, what="why").fix)
    assert RunEnd(reason=reason, what="why", fix="Do this.").fix == "Do this."
    kept = RunEnd(reason=reason, what="why").model_dump(mode="json")
    assert is_sentence(RunEnd.model_validate({**kept, "fix": ""}).fix)


@pytest.mark.parametrize("why", LostReason)
def test_a_lost_attempt_says_what_to_do(why: LostReason) -> None:
    what, fix = why.explanation.split(". ")
    assert what.startswith(f"{why.value}: ")
    assert is_sentence(fix)


def test_each_error_of_ours_is_a_reason_of_a_step() -> None:
    """A new one without a reason would be reported as one that spar does not know."""
    ours = {error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.SparError)}
    ours -= {errors.SparError, errors.ObjectLost}
    assert {error.__name__ for error in ours} == {reason.value for reason in FailureReason} - {"Unexpected"}


def raised() -> Iterator[tuple[str, ast.Call]]:
    """Every place at which an error of ours is made, subclasses in all modules included."""
    trees = {path: ast.parse(path.read_text()) for package in PACKAGES for path in package.rglob("*.py")}
    known = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    before = 0
    while before != len(known):
        before = len(known)
        known |= {
            node.name
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and any(name_of(base) in known for base in node.bases)
        }
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in known - {"AccountingError"}:
                yield f"{path}:{node.lineno}", node


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_every_error_that_is_raised_has_a_fix() -> None:
    """AccountingError has one of its own."""
    places = list(raised())
    assert len(places) > 200
    without = [
        place
        for place, call in places
        if len(call.args) < 2
        and not any(isinstance(argument, ast.Starred) for argument in call.args)
        and "fix" not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []
    empty = [
        place
        for place, call in places
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) and not call.args[1].value
    ]
    assert empty == []
    assert is_sentence(errors.AccountingError("Counts differ.").fix.partition(": ")[2].capitalize())
