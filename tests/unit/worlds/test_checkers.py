"""Checkers' source does what the rules do, wrong ones are found out, and the way back gives the prompt.

The sources that run here are this repository's own; what runs a stranger's is the sandbox.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.worlds.story.checkers import (
    STYLES,
    back_translate,
    checker,
    contradicts,
    right_cases,
    wrong_cases,
    wrong_checker,
)
from spar.worlds.story.prompts import draw_prompt
from spar.worlds.story.rules import follows
from spar.worlds.story.teacher import respond_breaking

rngs = st.integers(0, 2**31).map(random.Random)


def compiled(source: str) -> Callable[[str], object]:
    names: dict[str, Callable[[str], object]] = {}
    exec(source, names)  # the code under test made it
    return names["evaluate"]


@given(rngs)
def test_a_checker_says_what_the_rules_say(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    evaluate = compiled(checker(prompt, rng.choice(STYLES)))
    for broken in (0, 0, 1, 1, 2):
        response = respond_breaking(prompt, rng, broken)
        assert evaluate(response) is follows(prompt, response)
    assert evaluate("") is evaluate("!") is False


@given(rngs)
def test_the_way_back_gives_the_prompt(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    assert [back_translate(checker(prompt, style)) for style in STYLES] == [prompt] * len(STYLES)
    assert len({checker(prompt, style) for style in STYLES}) == len(STYLES)
    assert back_translate(wrong_checker(prompt, rng, rng.choice(STYLES))) not in (prompt, None)
    assert not contradicts(prompt, prompt)


def test_another_source_is_not_translated() -> None:
    assert back_translate("def evaluate(response):\n    return True\n") is None
    assert back_translate(checker("start knife").replace("len(words) > 0", "True")) is None


@given(rngs)
def test_cases_are_true_and_a_wrong_one_is_wrong(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    evaluate = compiled(checker(prompt))
    cases = right_cases(prompt, rng, 4)
    assert [truth for _, truth in cases] == [True, False, True, False]
    assert all(evaluate(response) is truth for response, truth in cases)
    assert sum(evaluate(response) is not truth for response, truth in wrong_cases(prompt, rng, 4)) == 1


def test_cases_find_most_wrong_checkers_out() -> None:
    rng = random.Random(0)
    found = 0
    for _ in range(200):
        prompt = draw_prompt(rng)
        evaluate = compiled(wrong_checker(prompt, rng))
        found += any(evaluate(response) is not truth for response, truth in right_cases(prompt, rng, 8))
    assert found > 160


@pytest.mark.parametrize(
    ("first", "second", "truth"),
    [
        ("start knife", "start moss", True),
        ("words 6", "words 7 ; finish !", True),
        ("with harp", "without harp", True),
        ("without harp", "end harp", True),
        ("with harp", "with moss", False),
        ("start knife ; words 6", "words 6", False),
        ("end moss", "end knife ; end moss", True),
    ],
)
def test_contradictions_are_what_no_text_can_follow(first: str, second: str, truth: bool) -> None:
    assert contradicts(first, second) is truth
    assert contradicts(second, first) is truth
