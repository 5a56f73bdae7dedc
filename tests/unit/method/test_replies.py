"""Refinements and responses out of replies: wordings/refinements.yaml, and what holds for any reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.records import ReplyFailure
from spar.method.refinements import parse_refinement
from spar.method.responses import parse_response
from spar.method.verdicts import parse_vote
from tests.unit.method.readings import wordings


@pytest.mark.parametrize("wording", wordings("refinements"))
def test_a_refinement_is_what_its_reply_hands_in(wording: dict[str, Any]) -> None:
    reply = wording["reply"]
    refinement = parse_refinement(reply, wording.get("finish", "stop"), "parent\n")
    failure = ReplyFailure(wording["fails"]) if "fails" in wording else None
    assert (refinement.text, refinement.failure, refinement.reply) == (wording.get("text"), failure, reply)


@given(st.lists(st.text("abc .", min_size=1), max_size=3).map("\n".join), st.sampled_from(["stop", "length"]))
def test_a_remark_on_the_marks_changes_no_refinement(text: str, finish_reason: str) -> None:
    form = f"Reflection: x\nFinal Refined Output: [[start]] {text} [[end]]"
    plain = parse_refinement(form, finish_reason, "p")
    for remark in (
        "Everything between [[start]] and [[end]] is it.",
        "I used [[start]] and [[end]]. Is [[end]] right?",
    ):
        noted = parse_refinement(f"{form}\n\n{remark}", finish_reason, "p")
        assert noted.text == plain.text


@given(
    st.lists(st.sampled_from(["[[start]]", "[[end]]", " a ", "...", "p", "\n"])).map("".join),
    st.sampled_from(["stop", "length"]),
)
def test_a_refinement_is_a_new_text_or_a_reason(reply: str, finish_reason: str) -> None:
    refinement = parse_refinement(reply, finish_reason, "p")
    assert (refinement.text is None) != (refinement.failure is None)
    if refinement.text is not None:
        assert refinement.text.strip() not in {"", "p", "..."}
        assert "[[start]]" not in refinement.text


@pytest.mark.parametrize(
    ("text", "finish_reason", "failure"),
    [
        ("a response", "stop", None),
        ("", "stop", ReplyFailure.EMPTY),
        (" \n", "length", ReplyFailure.CUT_OFF),
        ("a resp", "length", ReplyFailure.CUT_OFF),
    ],
)
def test_responses_are_typed(text: str, finish_reason: str, failure: ReplyFailure | None) -> None:
    response = parse_response(3, text, finish_reason)
    assert (response.index, response.text, response.failure) == (3, text.strip(), failure)


@pytest.mark.xfail(strict=True, reason="thoughts are not yet told from an actor's response")
def test_thoughts_are_no_part_of_a_response() -> None:
    assert parse_response(0, "<think>\nNo commas, so, well.\n</think>\n\nrain falls", "stop").text == "rain falls"


@pytest.mark.xfail(strict=True, reason="thoughts are not yet told from an actor's response")
def test_a_response_that_is_only_an_open_thought_is_empty() -> None:
    assert parse_response(0, "<think>\nThe user wants", "stop").failure is not None


@pytest.mark.xfail(strict=True, reason="thoughts stay in the reply that a refiner learns from")
def test_a_critique_is_free_of_thoughts() -> None:
    vote = parse_vote("<think>Three words.</think>\nIt is short.\nFinal Judgement: No", "stop")
    assert vote.reply == "It is short.\nFinal Judgement: No"
