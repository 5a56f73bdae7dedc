"""Instructions that a text follows, texts without prompts, and prompts that ask for more."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.worlds.story.instructing import MOST_ADDED, evolve, instruct, misinstruct, unlabelled_texts
from spar.worlds.story.prompts import KINDS, draw_prompt
from spar.worlds.story.rules import follows, parse_prompt, violations, well_formed
from spar.worlds.story.teacher import respond
from spar.worlds.story.words import CONTENT_WORDS, MARKS

rngs = st.integers(0, 2**31).map(random.Random)
words = st.lists(st.sampled_from([*CONTENT_WORDS[:20], *MARKS]), min_size=1, max_size=14).map(" ".join)
texts = words.filter(well_formed)


@given(rngs, texts)
def test_any_text_follows_its_instruction(rng: random.Random, text: str) -> None:
    instruction = instruct(text, rng)
    assert follows(instruction, text)
    assert str(parse_prompt(instruction)) == instruction


@given(rngs, texts)
def test_a_wrong_instruction_is_a_prompt_that_the_text_breaks(rng: random.Random, text: str) -> None:
    assert violations(misinstruct(text, rng), text)


def test_instructions_use_every_kind_and_one_to_three_constraints() -> None:
    rng = random.Random(1)
    found = [parse_prompt(instruct(respond(draw_prompt(rng), rng), rng)) for _ in range(300)]
    assert {c.kind for prompt in found for c in prompt.constraints} == set(KINDS)
    assert {len(prompt.constraints) for prompt in found} == {1, 2, 3}


def test_unlabelled_texts_repeat_and_are_well_formed() -> None:
    found = unlabelled_texts(40, 7)
    assert found == unlabelled_texts(40, 7) != unlabelled_texts(40, 8)
    assert all(well_formed(text) for text in found)
    assert found != unlabelled_texts(40, 7, "selfplay")


@given(rngs)
def test_an_evolved_prompt_keeps_what_was_asked_and_adds_what_it_says(rng: random.Random) -> None:
    prompt, main = draw_prompt(rng), rng.choice(KINDS)
    found = evolve(prompt, main, rng)
    assert found is not None
    text, more = found
    before, after = parse_prompt(prompt), parse_prompt(text)
    assert set(before.constraints) <= set(after.constraints)
    assert {c.kind for c in after.constraints} == {*(c.kind for c in before.constraints), main, *more}
    assert 1 <= len(more) <= MOST_ADDED
    assert main not in more
    assert follows(text, respond(text, rng))


@pytest.mark.parametrize("main", ["words", "with"])
def test_a_prompt_that_asks_for_everything_cannot_be_evolved(main: str) -> None:
    full = "start knife ; end moss ; words 6 ; with harp ; without echo ; finish !"
    assert evolve(full, main, random.Random(0)) is None
    without_words = "start knife ; end moss ; with harp ; without echo ; finish !"
    assert (evolve(without_words, main, random.Random(0)) is None) is (main == "words")
