"""`unjudged`: no model is prompted, and every response passes without a judgment (such as a teacher's responses)."""

from collections.abc import Sequence

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.records import Judgment, JudgmentFailure, Vote


def _parse(reply: str, finish_reason: str, options: Options) -> Vote:
    return Vote(reply)


def _settle(votes: Sequence[Vote], quorum: int, options: Options) -> Judgment:
    return Judgment(votes=tuple(votes), label=None, failure=JudgmentFailure.NO_QUORUM, value=None, critique=None)


UNJUDGED = JudgingPolicy(name="unjudged", form=None, parse=_parse, settle=_settle, no_replies=True)
