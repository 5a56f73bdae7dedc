"""Judging by a number on a scale: read from each reply, averaged over all of them.

Shared by `rubric` and `rating`. A vote's verdict is whether its own number is at least `good`, the judgment's label
whether the mean is; `Judgment.value` is the mean, on the scale.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.reading import FormField, stated, why_unread
from spar.method.records import Judgment, JudgmentFailure, Verdict, Vote

_CHOICE = r"[(（][^()（）\n]*[^\W\d_][^()（）\n]*[)）]"  # "(a whole number from 0 to 5)"; "(4)" is a number
_NUMBER = re.compile(
    r"[^\w+-]*(?P<number>-?\d+(?:\.\d+)?)(?![A-Za-z0-9_+])"
    r"(?:\s*(?:/|\bout\s+of\b|\bof\b)\s*(?P<most>\d+(?:\.\d+)?))?(?:\s*(?:%|分|points?\b|stars?\b))?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# A range, a list, a sum, another number, a doubt, a condition: then the number is not the score.
_UNSETTLED = re.compile(
    r"\s*(?:[-–—~,+*=]\s*\d|[-=]>|→|\b(?:to|or|and)\s+\d|[至到或]|\W*[?？]|"
    r"\W*\b(?:if|unless|provided|assuming|would|could|might)\b|\W*(?:如果|假如|除非))",
    re.IGNORECASE,
)
_SPELLINGS = {"score": "得分|分数|总分|评分|最终得分", "rating": "评级|评分|等级"}
"""What a Chinese reply calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The word before the number, and the range of the number."""

    word: str
    least: float
    most: float

    def read(self, reply: str, finish_reason: str = "stop") -> float | None:
        """The number in the reply's line `word: number`; None if there is none, or it is off the scale."""
        return stated(reply, finish_reason, _field(self.word), self._number)

    def _number(self, value: str) -> float | None:
        found = _NUMBER.match(value)
        if found is None or _UNSETTLED.match(found["rest"]) or re.match(r"\s+[^\W\d_]", found["rest"]):
            return None
        if found["most"] is not None and float(found["most"]) != self.most:
            return None
        number = float(found["number"])
        return number if self.least <= number <= self.most else None


@lru_cache
def _field(word: str) -> FormField:
    others = _SPELLINGS.get(word)
    return FormField.of(rf"{word}\b" + (f"|{others}" if others else ""), _CHOICE)


def scale_policy(name: str, form: str, scale: Scale, good: float) -> JudgingPolicy:
    """A policy with this scale; `good` is the default of its option of that name."""

    def parse(reply: str, finish_reason: str, options: Options) -> Vote:
        number = scale.read(reply, finish_reason)
        if number is None:
            return Vote(reply, failure=why_unread(reply, finish_reason))
        return Vote(reply, verdict=_verdict(number, options))

    def settle(votes: Sequence[Vote], quorum: int, options: Options) -> Judgment:
        readable = (vote for vote in votes if vote.verdict is not None)
        numbers = [number for vote in readable if (number := scale.read(vote.reply)) is not None]
        mean = sum(numbers) / len(numbers) if numbers else None
        if mean is None or len(numbers) < quorum:
            return Judgment(
                votes=tuple(votes), label=None, failure=JudgmentFailure.NO_QUORUM, value=mean, critique=None
            )
        label = _verdict(mean, options)
        critique = next((vote.reply for vote in votes if vote.verdict is label), None)
        return Judgment(votes=tuple(votes), label=label, failure=None, value=mean, critique=critique)

    return JudgingPolicy(name=name, form=form, parse=parse, settle=settle, options={"good": good}, read=scale.read)


def _verdict(number: float, options: Options) -> Verdict:
    return Verdict.YES if number >= options["good"] else Verdict.NO
