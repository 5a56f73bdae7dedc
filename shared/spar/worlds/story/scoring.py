"""The rules teacher's scores and ratings: the findings of a judgment, closed by a number instead of a yes or no.

The number is the share of findings that are a yes, on the requested scale. A reply's number follows from its own
findings, even wrong ones, except for deliberate slips. Knows no templates.
"""

import random
from collections.abc import Sequence

from spar.worlds.story.teacher import findings, turned

SCORE, RATING = "Score", "Rating"
SCALES: dict[str, tuple[int, int]] = {SCORE: (0, 5), RATING: (1, 5)}
"""The lowest and the highest number of each scale; only a response without a flaw reaches the highest."""

SLIP = 0.3
"""How often a wrong reply is wrong only in its number, with every finding correct."""


def number(scale: str, clauses: Sequence[str]) -> int:
    """The share of yes among the clauses on that scale, rounded down."""
    low, high = SCALES[scale]
    return low + (high - low) * sum(clause.endswith(" yes") for clause in clauses) // len(clauses)


def score(prompt: str, response: str) -> str:
    """The findings, then `Score : N`, N from 0 to 5."""
    return _closed(SCORE, findings(prompt, response))


def rate(prompt: str, response: str) -> str:
    """The findings, then `Rating : N`, N from 1 to 5."""
    return _closed(RATING, findings(prompt, response))


def misscore(prompt: str, response: str, rng: random.Random) -> str:
    """A score reply with one finding flipped and the score to match, or with only a wrong score."""
    return _wrong(SCORE, findings(prompt, response), rng)


def misrate(prompt: str, response: str, rng: random.Random) -> str:
    """The same for a rating."""
    return _wrong(RATING, findings(prompt, response), rng)


def _closed(scale: str, clauses: Sequence[str]) -> str:
    return " ; ".join([*clauses, f"{scale} : {number(scale, clauses)}"])


def _wrong(scale: str, clauses: list[str], rng: random.Random) -> str:
    if rng.random() >= SLIP:
        return _closed(scale, turned(clauses, rng))
    low, high = SCALES[scale]
    right = number(scale, clauses)
    other = rng.choice([n for n in range(low, high + 1) if n != right])
    return " ; ".join([*clauses, f"{scale} : {other}"])
