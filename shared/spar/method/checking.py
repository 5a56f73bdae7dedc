"""A prompt's checkers: code that decides whether a response follows it, and which of them to trust (AutoIF).

A checker and the cases that it is tried on come from the same teacher, so neither is trusted alone (arXiv 2406.13542,
section 3.1). Runs no code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.judging.execution import BROKEN_RULE, PASSED

LEAST_RIGHT = 0.8
"""The share of the cases that a checker must get right: that of AutoIF's released code (its paper has half)."""
LEAST_CHECKERS = 3
"""A prompt with fewer checkers has too few to try its cases on (ibid.)."""
LEAST_CASES = 10
"""A prompt with fewer cases has too few to try its checkers on (ibid.)."""
TRANSLATED = 3
"""The number of a prompt's trusted checkers that are back-translated, the first ones (ibid.)."""


@dataclass(frozen=True, slots=True)
class CheckedPrompt:
    """`checkers` are Python sources, each with a function `evaluate(response)` that returns True or False."""

    prompt_id: str
    checkers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A response, and whether its writer meant it to follow the prompt."""

    response: str
    follows: bool


def enough(checkers: Sequence[str], cases: Sequence[Case]) -> bool:
    """Whether a prompt has enough checkers and cases to try them on each other; each counts once."""
    return len(set(checkers)) >= LEAST_CHECKERS and len(set(cases)) >= LEAST_CASES


def trusted(results: Sequence[Sequence[str]], cases: Sequence[Case]) -> list[int]:
    """The indices of the checkers that can be trusted; `results[i][j]` is checker i's result for case j.

    A case that no checker agrees with is dropped first; then a checker must be right on LEAST_RIGHT of the remaining
    ones, and a failing run is wrong. Without a remaining case no checker is trusted.
    """
    right = [[reply == _expected(case) for reply, case in zip(of_one, cases, strict=True)] for of_one in results]
    kept = [place for place in range(len(cases)) if any(of_one[place] for of_one in right)]
    if not kept:
        return []
    return [
        number for number, of_one in enumerate(right) if sum(of_one[place] for place in kept) >= LEAST_RIGHT * len(kept)
    ]


def _expected(case: Case) -> str:
    return PASSED if case.follows else BROKEN_RULE
