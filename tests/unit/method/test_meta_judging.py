"""Comparing judgments: which response, who won, how strong each judgment is, and the pairs that this gives."""

import math
from typing import Any

import pytest

from spar.method.judging.rubric import RUBRIC, SCORE
from spar.method.meta_judging import ComparedPrompt, Match, Winner, make_judge_pairs, most_contested, parse_winner
from spar.method.meta_judging.judge_pairs import PlaceWeights, place_weights, strengths
from spar.method.records import JudgedPrompt, JudgedResponse, Message, Prompt, ReplyFailure, Response
from tests.unit.method.readings import wordings

FIRST, SECOND = Winner.FIRST, Winner.SECOND


@pytest.mark.parametrize("wording", wordings("winners"))
def test_the_winner_is_the_one_that_its_line_names(wording: dict[str, Any]) -> None:
    winner, failure = parse_winner(wording["reply"], "stop")
    assert winner == wording["reads"]
    assert (winner is None) == (failure is not None)


def test_why_nobody_won_is_told() -> None:
    assert parse_winner(" ", "stop")[1] is ReplyFailure.EMPTY
    assert parse_winner("on and on", "length")[1] is ReplyFailure.CUT_OFF


def judged(*scores: list[int]) -> JudgedPrompt:
    def one(index: int, given: list[int]) -> JudgedResponse:
        votes = [RUBRIC.parse(f"judgment {n} ; Score : {score}", "stop", {"good": 4}) for n, score in enumerate(given)]
        return JudgedResponse(Response(index, f"response {index}"), RUBRIC.settle(votes, 1, {"good": 4}))

    return JudgedPrompt(Prompt.of("words 4"), tuple(one(index, given) for index, given in enumerate(scores)))


def test_the_response_whose_scores_vary_most_is_compared() -> None:
    found = most_contested(judged([3, 3, 3], [1, 5, 1], [3, 4, 3]), SCORE.read, most=2)
    assert found is not None
    assert found[0].response.index == 1
    assert found[1] == ("judgment 0 ; Score : 1", "judgment 1 ; Score : 5")


def test_judgments_that_agree_are_not_compared() -> None:
    assert most_contested(judged([3, 3], [4, 4]), SCORE.read, most=5) is None
    assert most_contested(JudgedPrompt(Prompt.of("x"), ()), SCORE.read, most=5) is None


def test_a_win_counts_by_how_seldom_its_place_wins() -> None:
    matches = [
        Match(first=0, second=1, winner=FIRST),
        Match(first=1, second=0, winner=FIRST),
        Match(first=0, second=2, winner=FIRST),
        Match(first=2, second=0, winner=SECOND),
    ]
    assert place_weights(matches) == PlaceWeights(first=0.25, second=0.75)
    assert place_weights(matches[:2]) == PlaceWeights(first=0.5, second=0.5)


def test_whoever_wins_in_both_orders_is_stronger() -> None:
    matches = [
        Match(first=0, second=1, winner=FIRST),
        Match(first=1, second=0, winner=SECOND),
        Match(first=1, second=2, winner=FIRST),
        Match(first=2, second=1, winner=SECOND),
        Match(first=0, second=2, winner=None),
    ]
    zero, one, two = strengths(3, matches, PlaceWeights(first=0.5, second=0.5))
    assert zero > one > two
    assert math.isclose(zero + one + two, 0, abs_tol=1e-9)


def test_a_place_that_always_wins_makes_nobody_stronger() -> None:
    matches = [Match(first=one, second=other, winner=FIRST) for one in range(3) for other in range(3) if one != other]
    assert max(strengths(3, matches, place_weights(matches))) == pytest.approx(0, abs=1e-9)


def asked(prompt: str, response: str) -> tuple[Message, ...]:
    return (Message("user", f"Score : {prompt} Response : {response}"),)


def compared(judgments: tuple[str, ...], *matches: Match) -> ComparedPrompt:
    return ComparedPrompt(Prompt.of("words 4"), Response(2, "a b"), judgments, matches)


def test_a_judge_pair_is_the_strongest_over_the_weakest() -> None:
    row = compared(
        ("bad", "good", "fair"),
        Match(first=1, second=0, winner=FIRST),
        Match(first=0, second=1, winner=SECOND),
        Match(first=2, second=0, winner=FIRST),
    )
    made = make_judge_pairs([row], asked)
    [pair] = made.pairs
    assert (pair.prompt.text, pair.chosen, pair.rejected) == ("Score : words 4 Response : a b", "good", "bad")
    assert made.counts == {"pair": 1}


def test_every_compared_prompt_is_counted() -> None:
    decided = (Match(first=0, second=1, winner=FIRST), Match(first=1, second=0, winner=SECOND))
    rows = [
        compared(("a", "b"), Match(first=0, second=1, winner=None), Match(first=1, second=0, winner=None)),
        compared(("as", "as"), *decided),
        compared(("far too long", "b"), *decided),
        compared(("a", "b"), *decided),
    ]
    made = make_judge_pairs(rows, asked, max_chars=2)
    assert made.counts == {"equal": 1, "same_text": 1, "wordy": 1, "pair": 1}
    assert len(made.pairs) == 1
