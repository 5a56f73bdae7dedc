"""Judging by a number on a scale: reads it from a reply, and takes the mean of all replies.

What `rubric` and `rating` share. A vote's verdict says whether its own number is `good` enough, the judgment's label
whether the mean is; `Judgment.value` is the mean, on the scale.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote


@dataclass(frozen=True, slots=True)
class Scale:
    """The word before the number, and the least and the most it may be."""

    word: str
    least: float
    most: float

    def read(self, reply: str) -> float | None:
        """The last number that stands after the word and a colon; None if there is none, or it's off the scale."""
        found = re.findall(rf"\b{self.word}\b[\s*]*:[\s*]*(-?\d+(?:\.\d+)?)", reply, re.IGNORECASE)
        if not found:
            return None
        number = float(found[-1])
        return number if self.least <= number <= self.most else None


def scale_policy(name: str, form: str, scale: Scale, good: float) -> JudgingPolicy:
    """A policy of this scale; `good` is the default of its option of that name."""

    def parse(reply: str, finish_reason: str, options: Options) -> Vote:
        number = scale.read(reply)
        if number is not None:
            return Vote(reply, verdict=_verdict(number, options))
        if not reply.strip():
            return Vote(reply, failure=ReplyFailure.EMPTY)
        return Vote(reply, failure=ReplyFailure.CUT_OFF if finish_reason == "length" else ReplyFailure.UNPARSABLE)

    def settle(votes: Sequence[Vote], quorum: int, options: Options) -> Judgment:
        readable = (vote for vote in votes if vote.verdict is not None)
        numbers = [number for vote in readable if (number := scale.read(vote.reply)) is not None]
        mean = sum(numbers) / len(numbers) if numbers else None
        if mean is None or len(numbers) < quorum:
            return Judgment(tuple(votes), None, JudgmentFailure.NO_QUORUM, mean, None)
        label = _verdict(mean, options)
        critique = next((vote.reply for vote in votes if vote.verdict is label), None)
        return Judgment(tuple(votes), label, None, mean, critique)

    return JudgingPolicy(name, form, parse, settle, options={"good": good}, read=scale.read)


def _verdict(number: float, options: Options) -> Verdict:
    return Verdict.YES if number >= options["good"] else Verdict.NO
