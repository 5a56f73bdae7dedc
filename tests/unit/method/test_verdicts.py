import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.records import ReplyFailure, Verdict
from spar.method.verdicts import parse_vote

FORM = "Final Judgement (if the Output accurately follows the Prompt)"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (f"Step-by-step verification: fine\n{FORM}: Yes", Verdict.YES),
        (f"Step-by-step verification: too short\n{FORM}: No", Verdict.NO),
        (f"{FORM}: yes.", Verdict.YES),
        (f"{FORM}: **NO**", Verdict.NO),
        (f"{FORM}: (Yes)", Verdict.YES),
        ("start knife : got knife yes ; words 6 : got 5 no ; Final Judgement : No", Verdict.NO),
        ("start knife : got knife yes ; Final Judgement : Yes", Verdict.YES),
        ("Final Judgment: No", Verdict.NO),
        ("FINAL JUDGMENT - yes", Verdict.YES),
        (f"**{FORM}**:\n\nYes\n", Verdict.YES),
        ("## Final Judgement\nNo, it has five words.", Verdict.NO),
        (f"{FORM}: Yes, there are no unmet constraints.", Verdict.YES),
        (f"{FORM}: The verdict is therefore no.", Verdict.NO),
        (f"{FORM}: Yes\nOn reflection that was wrong.\n{FORM}: No", Verdict.NO),
        (f"I must write {FORM}: (Yes or No).\n{FORM}: Yes", Verdict.YES),
        (f"{FORM}: No\n(The form was: {FORM}: (Yes or No))", Verdict.NO),
        (f"{FORM}: (Yes or No) No", Verdict.NO),
        (f"{FORM}: Yes/No: yes", Verdict.YES),
    ],
)
def test_the_last_unquoted_line_decides(reply: str, verdict: Verdict) -> None:
    vote = parse_vote(reply, "stop")
    assert (vote.verdict, vote.failure, vote.reply) == (verdict, None, reply)


@pytest.mark.parametrize(
    "reply",
    [
        "Yes",
        f"{FORM}: (Yes or No)",
        f'I will end with "{FORM}: (Yes or No)".',
        f"{FORM}: Nothing is wrong, yesterday or now.",
        f"{FORM}: Yes and no",
        f"{FORM}: The output is good.",
        f"{FORM}: There is no issue.",
        "Final Judgements: Yes",
        f"{FORM}: Yes\n{FORM}: I cannot tell.",
    ],
)
def test_no_clear_verdict_is_unparsable(reply: str) -> None:
    vote = parse_vote(reply, "stop")
    assert (vote.verdict, vote.failure, vote.reply) == (None, ReplyFailure.UNPARSABLE, reply)


@pytest.mark.parametrize(
    "reply",
    [
        "Step-by-step verification: the",
        f"{FORM}:",
        "Final Judgement (if the",
        f"{FORM}: (Yes or",
        f"{FORM}: (Yes",
    ],
)
def test_a_reply_cut_before_its_verdict_is_cut_off(reply: str) -> None:
    assert parse_vote(reply, "length").failure is ReplyFailure.CUT_OFF


def test_a_verdict_before_the_limit_counts() -> None:
    assert parse_vote(f"{FORM}: Yes\nAnd furthermore", "length").verdict is Verdict.YES


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_blanks_are_empty(finish_reason: str) -> None:
    assert parse_vote(" \n", finish_reason).failure is ReplyFailure.EMPTY


pieces = st.lists(
    st.sampled_from(["Final Judgement", "final judgment", FORM, ":", " Yes", " no", "(Yes or No)", "\n", "(", " x"])
)


@given(pieces | st.text(), st.sampled_from(["stop", "length"]))
def test_any_reply_is_a_verdict_or_a_reason(reply: list[str] | str, finish_reason: str) -> None:
    text = "".join(reply)
    vote = parse_vote(text, finish_reason)
    assert (vote.verdict is None) != (vote.failure is None)
    assert vote.reply == text
