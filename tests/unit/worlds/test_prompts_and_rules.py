"""Prompts keep to their split and can be followed; rules find exactly what is broken."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.errors import DataError
from spar.worlds.story.prompts import Split, draw_prompt, generate_prompts, split_of
from spar.worlds.story.rules import FORM, follows, parse_prompt, violations
from spar.worlds.story.teacher import respond
from spar.worlds.story.words import CONTENT_WORDS

SPLITS: tuple[Split, ...] = ("train", "selfplay", "heldout")
seeds = st.integers(0, 2**31)


def test_content_words_are_distinct() -> None:
    assert len(set(CONTENT_WORDS)) == len(CONTENT_WORDS) == 120


@given(seeds, st.sampled_from(SPLITS))
def test_prompts_repeat_are_distinct_and_keep_to_their_split(seed: int, split: Split) -> None:
    prompts = generate_prompts(60, seed, split)
    assert prompts == generate_prompts(60, seed, split)
    assert prompts[:20] == generate_prompts(20, seed, split)
    assert len(set(prompts)) == 60
    assert {split_of(text) for text in prompts} == {split}


def test_no_prompt_is_in_two_splits() -> None:
    train, selfplay, heldout = (set(generate_prompts(3000, 1, split)) for split in SPLITS)
    assert not train & selfplay
    assert not train & heldout
    assert not selfplay & heldout


@given(seeds)
def test_every_prompt_parses_to_itself_and_can_be_followed(seed: int) -> None:
    rng = random.Random(seed)
    prompt = draw_prompt(rng)
    assert str(parse_prompt(prompt)) == prompt
    assert follows(prompt, respond(prompt, rng))


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="train, selfplay, heldout"):
        generate_prompts(1, 0, "validation")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "write me a story",
        "start",
        "start dragon",
        "words 3",
        "words six",
        "finish .",
        "start knife ; start harp",
        "start knife ; with knife",
        "with harp;",
    ],
)
def test_other_texts_are_no_prompts(text: str) -> None:
    with pytest.raises(DataError, match="Not a prompt"):
        parse_prompt(text)


@pytest.mark.parametrize(
    ("prompt", "response", "broken"),
    [
        ("start knife ; words 6 ; with harp", "knife harp moss echo honey cake !", ()),
        (
            "start knife ; words 6 ; with harp",
            "moss knife echo honey cake .",
            ("start knife", "words 6", "with harp"),
        ),
        ("end cake", "moss cake !", ()),
        ("end cake", "cake moss .", ("end cake",)),
        ("without harp ; finish !", "moss harp .", ("without harp", "finish !")),
        ("finish !", "moss ! fern", ("finish !",)),
        ("words 4", "moss fern oak pine", ()),
        ("without harp", "", (FORM,)),
        ("without harp", ". !", (FORM,)),
        ("without harp", "moss dragon .", (FORM,)),
    ],
)
def test_violations(prompt: str, response: str, broken: tuple[str, ...]) -> None:
    assert violations(prompt, response) == broken
    assert follows(prompt, response) is (broken == ())
