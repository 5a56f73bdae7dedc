"""Judgments of one response, compared two at a time: which response is worth it, and what a comparison came to.

The meta-judge of Meta-Rewarding (arXiv 2407.19594, section 2.3). Knows nothing of how it is asked.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import pvariance

from spar.method.records import JudgedPrompt, JudgedResponse, Prompt, ReplyFailure, Response

_WINNER = re.compile(r"\bwinner\b[\s*]*:[\s*]*(?:judge?ment\s+)?([AB])\b", re.IGNORECASE)
_QUOTED = re.compile(r"\bwinner\b[\s*]*:[\s*(]*A\s+or\s+B\b", re.IGNORECASE)


class Winner(StrEnum):
    """Which of the two judgments won, by the place where it was shown."""

    FIRST = "first"  # shown as A
    SECOND = "second"


@dataclass(frozen=True, slots=True)
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
    """The last `Winner: A` or `Winner: B` that doesn't only quote the form."""
    if not reply.strip():
        return None, ReplyFailure.EMPTY
    said = _WINNER.findall(_QUOTED.sub(" ", reply))
    if said:
        return (Winner.FIRST if said[-1].upper() == "A" else Winner.SECOND), None
    return None, ReplyFailure.CUT_OFF if finish_reason == "length" else ReplyFailure.UNPARSABLE


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
