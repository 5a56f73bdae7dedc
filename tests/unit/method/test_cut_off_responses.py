"""A response that the token limit cut off is judged as it stands: it can be refined and rejected, never chosen."""

import pytest

from spar.method.generating.instruct import INSTRUCT
from spar.method.negatives import choose_negative
from spar.method.pairs import sampled_pair
from spar.method.records import (
    JudgedPrompt,
    JudgedResponse,
    Outcome,
    Pair,
    Prompt,
    ReplyFailure,
    Response,
)
from spar.method.responses import parse_response
from spar.method.selecting import SELECTING
from spar.method.selecting.base import Material
from tests.unit.method.builders import PROMPT, judgment

CUT = Response(0, "on and on and", ReplyFailure.CUT_OFF, "length")
WHOLE = Response(1, "a response", finish_reason="stop")


def _judged(cut: str, whole: str) -> JudgedPrompt:
    return JudgedPrompt(PROMPT, (JudgedResponse(CUT, judgment(cut)), JudgedResponse(WHOLE, judgment(whole))))


def test_what_was_cut_off_can_be_judged_but_not_what_is_empty_or_was_never_drawn() -> None:
    assert CUT.judgeable
    assert parse_response(0, "on and on and", "length").judgeable
    assert not parse_response(0, "", "length").judgeable
    assert not parse_response(0, "", "stop").judgeable
    assert not Response(0, "The conversation is too long.", ReplyFailure.TOO_LONG).judgeable


def test_it_can_be_the_negative_and_the_rejected_one() -> None:
    judged = _judged("nnnnn", "yyyyy")
    assert choose_negative(judged, 1) == judged.responses[0]
    assert sampled_pair(judged, 1) == Pair(prompt=PROMPT, chosen="a response", rejected="on and on and")


@pytest.mark.parametrize("policy", ["sampled", "extremes", "length_controlled", "pass_rate", "passed"])
def test_however_good_it_is_never_chosen(policy: str) -> None:
    chosen = SELECTING[policy].choose(Material(_judged("yyyyy", "nnnnn"), None, 1, SELECTING[policy].options))
    assert chosen is Outcome.UNSOLVED


def test_half_an_instruction_leaves_its_text_unjudged() -> None:
    written = INSTRUCT.read(0, "Write a poem about", "length")
    row = INSTRUCT.arrange(Prompt.of("a text"), [written])
    assert not row.responses[0].judgeable
    assert row.responses[0].text == "a text"
