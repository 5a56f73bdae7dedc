"""The rules teacher in AutoIF's data preparation: instructions, their checkers with test cases, and back-translation.

It replies in the same format as any teacher. An instruction is a prompt of the self-play split, so that it is not in an
evaluation. Knows no engine.
"""

import json
import random

from spar.worlds.story import checkers
from spar.worlds.story.instructing import evolve
from spar.worlds.story.prompts import HOW_MANY, KINDS, draw_prompt, split_of
from spar.worlds.story.rules import parse_prompt

CASES = 3
"""Test cases for each checker, as in AutoIF's released code."""
DRAWS = 64
"""Attempts to draw an instruction of the self-play split, which has three in ten."""


def augment(examples: str, count: int, error_rate: float, rng: random.Random) -> str:
    """A list of instructions like the examples. A wrong one has two arguments of one kind."""
    seeds = [line.strip() for line in examples.splitlines() if line.strip()]
    written = [text for _ in range(count) if (text := _another(rng.choice(seeds), rng)) is not None]
    return "\n".join(f"- {_doubled(text, rng) if rng.random() < error_rate else text}" for text in written)


def write_checker(prompt: str, error_rate: float, rng: random.Random) -> str:
    """A checker in one of nine styles, and test cases; each of the two is wrong at the error rate, independently."""
    style = rng.choice(checkers.STYLES)
    wrong = rng.random() < error_rate
    source = checkers.wrong_checker(prompt, rng, style) if wrong else checkers.checker(prompt, style)
    make = checkers.wrong_cases if rng.random() < error_rate else checkers.right_cases
    cases = [{"response": response, "follows": follows} for response, follows in make(prompt, rng, CASES)]
    return f"```python\n{source}```\n```json\n{json.dumps(cases)}\n```"


def meaning(source: str) -> str:
    """The instruction that a checker of this world checks; empty for any other source."""
    return checkers.back_translate(source.strip() + "\n") or ""


def contradiction(prompt: str, other: str, wrong: bool) -> str:
    clash = checkers.contradicts(prompt, other) != wrong
    return f"Contradiction : {'Yes' if clash else 'No'}"


def _another(seed: str, rng: random.Random) -> str | None:
    """The seed with more constraints, or another prompt of its kinds; no longer than the world's prompts."""
    for _ in range(DRAWS):
        text = _evolved(seed, rng) if rng.random() < 0.5 else _redrawn(seed, rng)
        if text is not None and len(text.split(" ; ")) <= max(HOW_MANY) and split_of(text) == "selfplay":
            return text
    return None


def _evolved(seed: str, rng: random.Random) -> str | None:
    found = evolve(seed, rng.choice(KINDS), rng)
    return None if found is None else found[0]


def _redrawn(seed: str, rng: random.Random) -> str:
    kinds = {constraint.kind for constraint in parse_prompt(seed).constraints}
    while True:
        text = draw_prompt(rng)
        if {constraint.kind for constraint in parse_prompt(text).constraints} <= kinds | {rng.choice(KINDS)}:
            return text


def _doubled(text: str, rng: random.Random) -> str:
    """Not a prompt of this world, since one of its kinds occurs twice."""
    constraint = rng.choice(parse_prompt(text).constraints)
    return f"{text} ; {constraint}"
