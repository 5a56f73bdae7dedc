"""A judge's votes in a measurement of its judging, and their majority. Knows no benchmark."""

from collections.abc import Mapping, Sequence
from typing import Any

from spar.method.defaults import TEMPERATURE
from spar.method.records import Judgment, ReplyFailure, Verdict, Vote
from spar.method.voting import never_drawn, tally
from spar.recipes.models import JudgmentSettings


def vote_settings(votes: int, max_tokens: int) -> JudgmentSettings:
    """Settings without retries: a measurement uses the first replies. A single vote is greedy."""
    temperature = TEMPERATURE if votes > 1 else 0.0
    return JudgmentSettings(votes=votes, quorum=1, retries=0, temperature=temperature, max_tokens=max_tokens)


def replies_of(judgment: Judgment) -> Mapping[str, Any]:
    """The votes' replies, and whether some were cut off or none could be drawn."""
    votes, failure = judgment.votes, never_drawn(judgment)
    if failure is not None:
        return {"replies": [""] * len(votes), "failure": failure.value, "reason": votes[0].reply}
    cut = any(vote.failure is ReplyFailure.CUT_OFF for vote in votes)
    return {"replies": [vote.reply for vote in votes], **({"failure": "cut_off"} if cut else {})}


def majority(votes: Sequence[Vote]) -> Verdict | None:
    """The majority of the readable votes; None for a tie, and where none can be read."""
    return tally(votes, quorum=1).label
