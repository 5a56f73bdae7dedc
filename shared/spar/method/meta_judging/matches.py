"""Judgments of one response, compared two at a time: the response to compare them for, and a comparison's result.

The meta-judge of Meta-Rewarding (arXiv 2407.19594, section 2.3). Knows nothing of how it is prompted.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import pvariance

from spar.method.reading import FormField, stated, why_unread
from spar.method.records import JudgedPrompt, JudgedResponse, Prompt, ReplyFailure, Response

_FIELD = FormField.of(r"winner\b|胜者|获胜者|优胜者|赢家", r"[(（]?\s*\bA\s*(?:/|\bor\b|或)\s*B\b\s*[)）]?")
_SIDE = re.compile(
    r"\W*(?:the\s+winner\s+is\s+)?(?:(?:judge?ment|评判|判断)\s*)?(?P<side>[AB])(?![^\W_])"
    r"(?!\s+(?!(?:is|has|because|since|as|wins|for|it|the)\b)\w)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# Both, another one, a doubt or a condition: then there is no winner.
_UNSETTLED = re.compile(
    r"\s*(?:(?:and|or|&|/|=|和|或|[-=]+>|→)|\W*[?？]|\W*\b(?:no|not|if|unless|but|though|would|could|might)\b|如果)",
    re.IGNORECASE,
)


class Winner(StrEnum):
    """Which of the two judgments won, by the place where it was shown."""

    FIRST = "first"  # shown as A
    SECOND = "second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Judgment `first` shown as A, `second` as B; both are places in `ComparedPrompt.judgments`."""

    first: int
    second: int
    winner: Winner | None
    failure: ReplyFailure | None = None


@dataclass(frozen=True, slots=True)
class ComparedPrompt:
    """One response of a prompt, some judgments of it, and every comparison of two of them."""

    prompt: Prompt
    response: Response
    judgments: tuple[str, ...]
    matches: tuple[Match, ...]


def parse_winner(reply: str, finish_reason: str) -> tuple[Winner | None, ReplyFailure | None]:
    """The value of the line `Winner: A` or `Winner: B`."""
    winner = stated(reply, finish_reason, _FIELD, _side)
    return winner, None if winner is not None else why_unread(reply, finish_reason)


def _side(value: str) -> Winner | None:
    found = _SIDE.match(value)
    if found is None or _UNSETTLED.match(found["rest"]):
        return None
    return Winner.FIRST if found["side"].upper() == "A" else Winner.SECOND


def most_contested(
    judged: JudgedPrompt, read: Callable[[str], float | None], most: int
) -> tuple[JudgedResponse, tuple[str, ...]] | None:
    """The response whose judgments' scores vary most, and up to `most` of those judgments; None if none vary."""
    candidates = [(item, _readable(item, read)[:most]) for item in judged.responses]
    scored = [(pvariance([score for _, score in some]), item, some) for item, some in candidates if some]
    if not scored:
        return None
    variance, item, chosen = max(scored, key=lambda each: each[0])
    return (item, tuple(reply for reply, _ in chosen)) if variance > 0 else None


def _readable(item: JudgedResponse, read: Callable[[str], float | None]) -> Sequence[tuple[str, float]]:
    votes = item.judgment.votes if item.judgment is not None else ()
    return [(vote.reply, score) for vote in votes if (score := read(vote.reply)) is not None]
