"""Prompts of `world:instructions`: different, repeatable, and each with checkers that are right."""

from random import Random

import pytest

from spar.errors import DataError
from spar.worlds.instructions import checkable_prompts
from spar.worlds.instructions.constraints import KINDS
from spar.worlds.instructions.prompts import MOST

FOLLOWING = {
    "Use at most": "Warm.",
    "Use at least": "word " * 60,
    "Write everything in lowercase": "tea is warm.",
    "Write everything in capital": "TEA IS WARM!",
    "Do not use any commas": "Warm and sweet.",
    "Do not use any full stops": "Warm and sweet",
    "Begin with": "First, well, today, here, simply, usually",
    "End with the word": "So much for tea: {}.",
    "End with an exclamation": "Drink it!",
    "Use the word": "A sunny window by the river, music, a garden and seven cups.",
    "Do not use the word": "Warm tea helps.",
    "Answer in a single": "One line.",
    "Answer in exactly": "one\n\ntwo",
    "Start every line": "- one\n- two",
}
"""A text for each kind of constraint that follows it, where its argument allows; the empty text follows none."""


def follows(checker: str, response: str) -> bool:
    names: dict[str, object] = {}
    exec(checker, names)  # our own source
    evaluate = names["evaluate"]
    assert callable(evaluate)
    return bool(evaluate(response))


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_each_kind_accepts_what_follows_it_and_refuses_what_does_not(kind: int) -> None:
    constraints = [KINDS[kind].draw(Random(seed)) for seed in range(20)]
    fitting = [text for opening, text in FOLLOWING.items() if constraints[0].wording.startswith(opening)]
    assert len(fitting) == 1
    argument = constraints[0].wording.split('"')[1] if '"' in constraints[0].wording else ""
    lines = "one\ntwo\nthree" if "exactly 3" in constraints[0].wording else fitting[0].format(argument)
    assert any(follows(constraints[0].checker, text) for text in (lines, f"{argument}, {lines}"))
    assert not follows(constraints[0].checker, "")
    bad = ("The warm tea, and the cup of tea is. Of\nx\ny\nz " + "z " * 30, "short.")
    assert any(not follows(constraint.checker, text) for constraint in constraints for text in bad)


def test_prompts_differ_and_repeat_by_seed() -> None:
    made = checkable_prompts(300, 5)
    assert len({prompt.text for prompt in made}) == 300
    assert made == checkable_prompts(300, 5)
    assert made[:20] != checkable_prompts(20, 6)


def test_no_prompt_has_two_constraints_of_one_axis() -> None:
    for prompt in checkable_prompts(300, 1):
        assert len(prompt.checkers) in (1, 2)
        assert not ("lowercase" in prompt.text and "capital" in prompt.text)
        assert not ("at most" in prompt.text and "at least" in prompt.text)


def test_more_prompts_than_the_world_has_is_an_error() -> None:
    with pytest.raises(DataError, match="but 50001 were requested"):
        checkable_prompts(MOST + 1, 0)
