"""Refinements and responses out of replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.records import ReplyFailure
from spar.method.refinements import parse_refinement
from spar.method.responses import parse_response


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("Reflection: shorter.\nFinal Refined Output: [[start]] knife moss ! [[end]]", "knife moss !"),
        ("[[start]]\ntwo\nlines\n[[end]] Done.", "two\nlines"),
        ("[[START]] a [[End]]", "a"),
        ("[[start]] first [[end]] better: [[start]] second [[end]]", "second"),
        ("The form is [[start]] ... [[end]].\n[[start]] real [[end]]", "real"),
        ("[[start]] real [[end]] as in [[start]] ... [[end]]", "real"),
        ("[[start]] [[start]] inner [[end]]", "inner"),
    ],
)
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_the_last_marked_text_counts(reply: str, text: str, finish_reason: str) -> None:
    refinement = parse_refinement(reply, finish_reason, "parent")
    assert (refinement.text, refinement.failure, refinement.reply) == (text, None, reply)


@pytest.mark.parametrize(
    ("reply", "finish_reason", "failure"),
    [
        ("", "stop", ReplyFailure.EMPTY),
        ("  \n", "length", ReplyFailure.EMPTY),
        ("[[start]]  [[end]]", "stop", ReplyFailure.EMPTY),
        ("Final Refined Output: a text", "stop", ReplyFailure.UNPARSABLE),
        ("a text [[end]]", "stop", ReplyFailure.UNPARSABLE),
        ("[[end]] a [[start]]", "stop", ReplyFailure.UNPARSABLE),
        ("[[start]] ... [[end]]", "stop", ReplyFailure.UNPARSABLE),
        ("[[start]] a text", "stop", ReplyFailure.UNPARSABLE),
        ("[[start]] a text", "length", ReplyFailure.CUT_OFF),
        ("Reflection: the text", "length", ReplyFailure.CUT_OFF),
        ("[[start]] draft [[end]] better: [[start]] final", "length", ReplyFailure.CUT_OFF),
        ("[[start]]\n parent [[end]]", "stop", ReplyFailure.UNCHANGED),
    ],
)
def test_anything_else_is_a_failure(reply: str, finish_reason: str, failure: ReplyFailure) -> None:
    refinement = parse_refinement(reply, finish_reason, "parent\n")
    assert (refinement.text, refinement.failure, refinement.reply) == (None, failure, reply)


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
        (" \n", "length", ReplyFailure.EMPTY),
        ("a resp", "length", ReplyFailure.CUT_OFF),
    ],
)
def test_responses_are_typed(text: str, finish_reason: str, failure: ReplyFailure | None) -> None:
    response = parse_response(3, text, finish_reason)
    assert (response.index, response.text, response.failure) == (3, text.strip(), failure)
