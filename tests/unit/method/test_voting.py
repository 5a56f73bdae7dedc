from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.errors import AccountingError, RecipeError
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote
from spar.method.voting import VoteRules, critique_to_refine, judge_until_quorum, tally
from tests.unit.method.builders import FAILED, NO, YES, any_votes, judgment


@pytest.mark.parametrize(
    ("votes", "quorum", "label", "failure", "value", "critique"),
    [
        ("yyyyy", 3, Verdict.YES, None, 1.0, "yes 0"),
        ("nyyny", 3, Verdict.YES, None, 0.6, "yes 1"),
        ("ynn--", 3, Verdict.NO, None, 1 / 3, "no 1"),
        ("yynn-", 3, None, JudgmentFailure.TIED, 0.5, None),
        ("yy---", 3, None, JudgmentFailure.NO_QUORUM, 1.0, None),
        ("yn---", 3, None, JudgmentFailure.NO_QUORUM, 0.5, None),
        ("-----", 1, None, JudgmentFailure.NO_QUORUM, None, None),
        ("", 1, None, JudgmentFailure.NO_QUORUM, None, None),
        ("----y", 1, Verdict.YES, None, 1.0, "yes 4"),
        ("yn---", 1, None, JudgmentFailure.TIED, 0.5, None),
    ],
)
def test_tally(votes, quorum, label, failure, value, critique) -> None:  # type: ignore[no-untyped-def]
    judged = judgment(votes, quorum)
    assert (judged.label, judged.failure, judged.value, judged.critique) == (label, failure, value, critique)
    assert len(judged.votes) == len(votes)


@given(any_votes, st.integers(0, 5))
def test_any_votes_give_a_label_or_a_reason(votes: str, quorum: int) -> None:
    judged = judgment(votes, quorum)
    assert (judged.label is None) != (judged.failure is None)
    assert (judged.critique is None) == (judged.label is None)
    assert (judged.value is None) == (set(votes) <= {"-"})
    if judged.label is not None and judged.value is not None:
        assert (judged.value > 0.5) == (judged.label is Verdict.YES)
        assert votes.count("y") + votes.count("n") >= quorum


def test_a_tied_text_is_refined_from_its_first_no() -> None:
    assert critique_to_refine(judgment("yn-yn")) == "no 1"
    assert critique_to_refine(judgment("ynyyn")) == "yes 0"
    assert critique_to_refine(judgment("y----")) is None


async def _judge(rounds: list[list[Vote]], rules: VoteRules) -> tuple[list[tuple[int, int]], Judgment]:
    asked: list[tuple[int, int]] = []

    async def ask(missing: int, attempt: int) -> list[Vote]:
        asked.append((missing, attempt))
        return rounds[attempt]

    return asked, await judge_until_quorum(ask, rules)


async def test_a_quorum_is_not_asked_again() -> None:
    first = [YES, YES, NO, FAILED, FAILED]
    asked, judged = await _judge([first], VoteRules())
    assert asked == [(5, 0)]
    assert judged == tally(first, 3)


async def test_missing_votes_are_asked_for_until_there_is_a_quorum() -> None:
    rounds = [[YES, FAILED, FAILED, FAILED, FAILED], [FAILED] * 4, [NO, NO, FAILED, NO]]
    asked, judged = await _judge(rounds, VoteRules())
    assert asked == [(5, 0), (4, 1), (4, 2)]
    assert judged == tally([vote for round_ in rounds for vote in round_], 3)


async def test_retries_end() -> None:
    asked, judged = await _judge([[FAILED] * 5] * 4, VoteRules())
    assert [attempt for _, attempt in asked] == [0, 1, 2, 3]
    assert judged == tally([FAILED] * 20, 3)


async def test_the_paper_asks_once_for_a_response() -> None:
    asked, judged = await _judge([[FAILED] * 5], VoteRules(quorum=1, retries=0))
    assert asked == [(5, 0)]
    assert judged == tally([FAILED] * 5, 1)


PAPER_NODE = VoteRules(quorum=1, retries=2, redraw=True)
TIE = [YES, NO, FAILED, FAILED, FAILED]


async def test_without_a_majority_all_votes_are_drawn_anew() -> None:
    asked, judged = await _judge([TIE, [FAILED] * 5, [NO, FAILED, FAILED, FAILED, FAILED]], PAPER_NODE)
    assert asked == [(5, 0), (5, 1), (5, 2)]
    assert judged == replace(tally([NO, *[FAILED] * 4], 1), redrawn=(*TIE, *[FAILED] * 5))
    assert (judged.label, judged.value, judged.drawn) == (Verdict.NO, 0.0, 15)


async def test_a_majority_is_not_drawn_again() -> None:
    asked, judged = await _judge([[YES, NO, YES, FAILED, FAILED]], PAPER_NODE)
    assert (asked, judged.label, judged.redrawn) == ([(5, 0)], Verdict.YES, ())


async def test_rounds_end() -> None:
    asked, judged = await _judge([TIE, [FAILED] * 5, TIE, [YES] * 5], PAPER_NODE)
    assert [attempt for _, attempt in asked] == [0, 1, 2]
    assert (judged.failure, judged.label, judged.drawn) == (JudgmentFailure.TIED, None, 15)


async def test_votes_that_cannot_be_drawn_have_one_round() -> None:
    never = [Vote("too long", failure=ReplyFailure.TOO_LONG)] * 5
    asked, judged = await _judge([never, [YES] * 5], PAPER_NODE)
    assert (asked, judged.failure) == ([(5, 0)], JudgmentFailure.NO_QUORUM)


async def test_a_missing_reply_is_a_bug() -> None:
    with pytest.raises(AccountingError, match="5 votes were requested and 1 received"):
        await _judge([[YES]], VoteRules())


@pytest.mark.parametrize("wrong", [{"quorum": 6}, {"quorum": 0}, {"votes": 0}, {"retries": -1}])
def test_impossible_rules(wrong: dict[str, int]) -> None:
    with pytest.raises(RecipeError):
        VoteRules(**wrong)
