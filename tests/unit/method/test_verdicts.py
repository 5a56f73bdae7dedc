"""Verdicts out of judgment replies: every wording of wordings/verdicts.yaml, and what holds for any reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.verdicts import parse_vote
from tests.unit.method.readings import wordings

FORM = "Final Judgement (if the Output accurately follows the Prompt)"


@pytest.mark.parametrize("wording", wordings("verdicts"))
def test_a_wording_is_read_as_what_it_states(wording: dict[str, Any]) -> None:
    vote = parse_vote(wording["reply"], wording.get("finish", "stop"))
    read = vote.verdict or vote.failure
    assert read is not None
    assert (read.value, vote.reply) == (wording["reads"], wording["reply"])


pieces = st.lists(
    st.sampled_from(
        [
            "Final Judgement",
            "final judgment",
            FORM,
            ":",
            " Yes",
            " no",
            "(Yes or No)",
            "\n",
            "(",
            " x",
            "{",
            '"',
            "是",
            "if",
        ]
    )
)


@given(pieces | st.text(), st.sampled_from(["stop", "length"]))
def test_any_reply_is_a_verdict_or_a_reason(reply: list[str] | str, finish_reason: str) -> None:
    text = "".join(reply)
    vote = parse_vote(text, finish_reason)
    assert (vote.verdict is None) != (vote.failure is None)
    assert vote.reply == text


@pytest.mark.parametrize(
    "remark", ["The final judgement would be Yes if it were longer.", "(Final Judgement: Yes or No)"]
)
@given(lines=st.lists(st.sampled_from(["Fine.", "It is short", "1. words: no", ""]), max_size=4))
def test_a_remark_below_changes_no_verdict(remark: str, lines: list[str]) -> None:
    reply = "\n".join([*lines, f"{FORM}: No"])
    assert parse_vote(f"{reply}\n\n{remark}", "stop").verdict == parse_vote(reply, "stop").verdict == "no"
