"""Scores and ratings follow from the findings, the more accurate judgment wins, and the loop's parsers read it all."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.judging.rating import RATING
from spar.method.judging.rubric import RUBRIC
from spar.method.meta_judging.matches import Winner, parse_winner
from spar.worlds.story.comparing import accuracy, compare, turned_winner
from spar.worlds.story.prompts import draw_prompt
from spar.worlds.story.rules import follows, parse_prompt
from spar.worlds.story.scoring import SCALES, misrate, misscore, rate, score
from spar.worlds.story.teacher import judge, misjudge, respond_breaking

PROMPT = "start knife ; words 6 ; with harp"
RESPONSE = "knife moss harp echo honey ."
rngs = st.integers(0, 2**31).map(random.Random)


def number(reply: str) -> int:
    return int(reply.split()[-1])


def drawn(rng: random.Random) -> tuple[str, str]:
    prompt = draw_prompt(rng)
    return prompt, respond_breaking(prompt, rng, rng.randrange(4))


def test_a_score_shows_its_evidence() -> None:
    findings = "start knife : got knife yes ; words 6 : got 5 no ; with harp : got knife moss harp yes"
    assert score(PROMPT, RESPONSE) == f"{findings} ; Score : 3"
    assert rate(PROMPT, RESPONSE) == f"{findings} ; Rating : 3"
    assert score("start knife", "dragon .").endswith("no ; form : no ; Score : 0")


@given(rngs)
def test_only_a_flawless_response_has_the_highest_number_and_fewer_errors_have_no_lower_one(rng: random.Random) -> None:
    prompt, response = drawn(rng)
    for reply, scale in ((score, "Score"), (rate, "Rating")):
        low, high = SCALES[scale]
        assert (number(reply(prompt, response)) == high) is follows(prompt, response)
        count = len(parse_prompt(prompt).constraints)
        numbers = [number(reply(prompt, respond_breaking(prompt, rng, broken))) for broken in range(count + 1)]
        assert numbers == sorted(numbers, reverse=True)
        assert (numbers[0], numbers[-1]) == (high, low)


@given(rngs)
def test_a_wrong_score_differs_and_is_still_on_its_scale(rng: random.Random) -> None:
    prompt, response = drawn(rng)
    for right, wrong, policy in ((score, misscore, RUBRIC), (rate, misrate, RATING)):
        said = wrong(prompt, response, rng)
        assert said != right(prompt, response)
        assert number(said) != number(right(prompt, response))
        assert policy.parse(said, "stop", policy.options).verdict is not None


@given(rngs)
def test_the_loops_policies_read_the_number(rng: random.Random) -> None:
    prompt, response = drawn(rng)
    for reply, policy in ((score, RUBRIC), (rate, RATING)):
        vote = policy.parse(reply(prompt, response), "stop", policy.options)
        assert policy.settle([vote], 1, policy.options).value == number(reply(prompt, response))


@given(rngs)
def test_the_right_judgment_wins_in_either_order(rng: random.Random) -> None:
    prompt, response = drawn(rng)
    for right, wrong in (
        (score(prompt, response), misscore(prompt, response, rng)),
        (judge(prompt, response), misjudge(prompt, response, rng)),
    ):
        assert accuracy(prompt, response, right) > accuracy(prompt, response, wrong)
        assert parse_winner(compare(prompt, response, right, wrong), "stop") == (Winner.FIRST, None)
        assert parse_winner(compare(prompt, response, wrong, right), "stop") == (Winner.SECOND, None)


def test_a_comparison_shows_its_evidence_and_a_tie_goes_to_a() -> None:
    right = "start knife : got knife yes ; words 6 : got 5 no ; Score : 2"
    wrong = "start knife : got knife yes ; words 6 : got 5 yes ; Score : 5"
    prompt = "start knife ; words 6"
    assert compare(prompt, RESPONSE, wrong, right) == (
        "start knife : got knife yes A yes B yes ; words 6 : got 5 no A yes B no ; Score 2 A 5 B 2 ; "
        "Points A 1 B 3 ; Winner : B"
    )
    assert compare(prompt, RESPONSE, wrong, wrong).endswith("Points A 1 B 1 ; Winner : A")
    assert turned_winner(compare(prompt, RESPONSE, wrong, wrong)).endswith("Points A 1 B 1 ; Winner : B")


@pytest.mark.parametrize("judgment", ["", "moss", "start knife : got", "Score :", "Score : 3"])
def test_a_judgment_that_says_little_is_worth_little(judgment: str) -> None:
    assert accuracy(PROMPT, RESPONSE, judgment) == (judgment == "Score : 3")
    assert compare(PROMPT, RESPONSE, judgment, score(PROMPT, RESPONSE)).endswith("Winner : B")


def test_slips_in_the_number_alone_and_in_findings_both_occur() -> None:
    rng = random.Random(0)
    found = {misscore(PROMPT, RESPONSE, rng).rpartition(" ; ")[0] for _ in range(60)}
    assert score(PROMPT, RESPONSE).rpartition(" ; ")[0] in found
    assert len(found) == 4  # one more for each finding that was turned around
