"""The teacher breaks what it is told to break, judges as the rules do, and mends all with small edits."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.records import Verdict
from spar.method.refinements import parse_refinement
from spar.method.verdicts import parse_vote
from spar.worlds.story.edits import refined_text
from spar.worlds.story.items import judge_items, refine_items
from spar.worlds.story.prompts import draw_prompt, split_of
from spar.worlds.story.rules import content_words, follows, parse_prompt, violations
from spar.worlds.story.teacher import judge, misjudge, refine, respond, respond_breaking
from spar.worlds.story.words import CONTENT_WORDS, MARKS
from spar.worlds.story.writing import write

rngs = st.integers(0, 2**31).map(random.Random)
texts = st.lists(st.sampled_from([*CONTENT_WORDS, *MARKS, "dragon"]), max_size=16).map(" ".join)


@given(rngs)
def test_a_response_breaks_exactly_what_it_should(rng: random.Random) -> None:
    prompt = parse_prompt(draw_prompt(rng))
    broken = [c for c in prompt.constraints if rng.random() < 0.5]
    response = write(prompt, broken, rng)
    assert violations(str(prompt), response) == tuple(str(c) for c in broken)


@given(rngs, texts)
def test_the_verdict_is_the_rules_verdict_for_any_text(rng: random.Random, text: str) -> None:
    prompt = draw_prompt(rng)
    says_yes = judge(prompt, text).endswith("; Final Judgement : Yes")
    assert says_yes is follows(prompt, text)
    assert judge(prompt, text).endswith(("Yes", "No"))


@given(rngs, texts)
def test_a_refinement_of_any_text_follows_the_prompt(rng: random.Random, text: str) -> None:
    prompt = draw_prompt(rng)
    assert follows(prompt, refined_text(prompt, text, rng))


@given(rngs)
def test_a_refinement_is_a_small_edit(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    response = respond_breaking(prompt, rng, 1)
    before, after = (
        Counter(content_words(response)),
        Counter(content_words(refined_text(prompt, response, rng))),
    )
    changed = (before - after).total() + (after - before).total()
    assert changed <= 3  # one word replaced, or up to three added or deleted


@given(rngs)
def test_a_good_response_is_left_alone(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    response = respond(prompt, rng)
    assert refined_text(prompt, response, rng) == response


def test_a_critique_shows_its_evidence() -> None:
    prompt = "start knife ; words 6 ; with harp ; finish !"
    assert judge(prompt, "knife moss harp echo honey !") == (
        "start knife : got knife yes ; words 6 : got 5 no ; with harp : got knife moss harp yes ; "
        "finish ! : got ! yes ; Final Judgement : No"
    )
    assert judge("without harp", "moss fern .") == "without harp : got moss fern yes ; Final Judgement : Yes"


def test_a_wrong_critique_turns_one_constraint_around() -> None:
    reply = misjudge("start knife", "knife moss .", random.Random(0))
    assert reply == "start knife : got knife no ; Final Judgement : No"


@given(rngs)
def test_the_methods_parsers_read_the_teachers_replies(rng: random.Random) -> None:
    prompt = draw_prompt(rng)
    response = respond(prompt, rng, 0.3)
    vote = parse_vote(judge(prompt, response), "stop")
    assert vote.verdict == (Verdict.YES if follows(prompt, response) else Verdict.NO)
    refined = parse_refinement(refine(prompt, response, rng), "stop", "another text")
    assert refined.text is not None
    assert follows(prompt, refined.text)


@pytest.mark.parametrize("count", [40, 41])
def test_items_are_balanced_true_and_held_out(count: int) -> None:
    items = judge_items(count, 3, "heldout")
    assert items == judge_items(count, 3, "heldout")
    assert sum(truth for _, _, truth in items) == (count + 1) // 2
    for prompt, response, truth in items:
        assert follows(prompt, response) is truth
    for prompt, response in refine_items(count, 3, "heldout"):
        assert split_of(prompt) == "heldout"
        assert not follows(prompt, response)
