"""Judging policies: what is read out of a reply, and what the replies come to."""

from typing import Any

import pytest

from spar.method.judging import JUDGING, JudgingPolicy
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote
from tests.unit.method.readings import wordings

RUBRIC, RATING, EXECUTION, VERDICT = (JUDGING[name] for name in ("rubric", "rating", "execution", "verdict"))


def votes(policy: JudgingPolicy, *replies: str, **options: float) -> list[Vote]:
    return [policy.parse(reply, "stop", {**policy.options, **options}) for reply in replies]


def judged(policy: JudgingPolicy, *replies: str, quorum: int = 1, **options: float) -> Judgment:
    return policy.settle(votes(policy, *replies, **options), quorum, {**policy.options, **options})


@pytest.mark.parametrize("wording", wordings("scores"))
def test_a_score_is_the_number_that_its_line_states(wording: dict[str, Any]) -> None:
    assert RUBRIC.read is not None
    assert RUBRIC.read(wording["reply"]) == wording["reads"]
    [vote] = votes(RUBRIC, wording["reply"])
    assert (vote.verdict is None) == (wording["reads"] is None)


def test_a_number_that_the_limit_may_have_cut_is_no_score() -> None:
    assert RUBRIC.parse("Score: 1", "length", {"good": 4}).failure is ReplyFailure.CUT_OFF
    assert RUBRIC.parse("Score: 4\nThat is all. It", "length", {"good": 4}).verdict is Verdict.YES
    judgment = RUBRIC.settle([RUBRIC.parse("Score: 1", "length", {"good": 4})], 1, {"good": 4})
    assert judgment.failure is JudgmentFailure.NO_QUORUM


def test_why_a_reply_has_no_score_is_told() -> None:
    failures = [
        RUBRIC.parse(text, reason, {"good": 4}).failure
        for text, reason in (("", "stop"), ("a", "length"), ("a", "stop"))
    ]
    assert failures == [ReplyFailure.EMPTY, ReplyFailure.CUT_OFF, ReplyFailure.UNPARSABLE]


def test_scores_are_averaged_and_the_unreadable_left_out() -> None:
    judgment = judged(RUBRIC, "Score: 5", "no score", "Score: 2", quorum=2)
    assert (judgment.value, judgment.label, judgment.failure) == (3.5, Verdict.NO, None)
    assert judgment.critique == "Score: 2"
    assert [vote.verdict for vote in judgment.votes] == [Verdict.YES, None, Verdict.NO]


def test_too_few_scores_are_no_quorum() -> None:
    judgment = judged(RUBRIC, "Score: 5", "?", "?", quorum=2)
    assert (judgment.label, judgment.failure, judgment.critique) == (None, JudgmentFailure.NO_QUORUM, None)


def test_what_is_good_enough_can_be_set() -> None:
    assert judged(RUBRIC, "Score: 3").label is Verdict.NO
    assert judged(RUBRIC, "Score: 3", good=3).label is Verdict.YES


@pytest.mark.parametrize(("rating", "label"), [(5, Verdict.YES), (4, Verdict.NO), (1, Verdict.NO)])
def test_only_a_rating_of_five_is_kept(rating: int, label: Verdict) -> None:
    assert judged(RATING, f"Rating : {rating}").label is label


def test_a_rating_begins_at_one() -> None:
    assert judged(RATING, "Rating: 0").failure is JudgmentFailure.NO_QUORUM


@pytest.mark.parametrize(
    ("said", "rate", "label"),
    [
        (["passed", "passed"], 1.0, Verdict.YES),
        (["passed", "not passed"], 0.5, Verdict.YES),
        (["passed", "not passed", "not passed"], 1 / 3, Verdict.NO),
        (["not passed"], 0.0, Verdict.NO),
        (["ValueError: x", "passed"], 1.0, Verdict.YES),
    ],
)
def test_the_value_of_an_execution_is_the_share_that_passes(said: list[str], rate: float, label: Verdict) -> None:
    judgment = judged(EXECUTION, *said, quorum=3)
    assert (judgment.value, judgment.label) == (rate, label)


def test_checkers_that_all_break_judge_nothing() -> None:
    judgment = judged(EXECUTION, "ValueError: x", "took more than 15 s")
    assert (judgment.failure, judgment.value) == (JudgmentFailure.NO_QUORUM, None)


def test_verdicts_are_the_votes_that_there_always_were() -> None:
    judgment = judged(VERDICT, "Final Judgement : Yes", "Final Judgement : No", "Final Judgement : Yes", quorum=3)
    assert (judgment.value, judgment.label) == (2 / 3, Verdict.YES)
    assert [name for name, policy in JUDGING.items() if policy.votes_only] == ["verdict"]
