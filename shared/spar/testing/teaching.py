"""What the simulated models write as a teacher of prompt evolution: in the requested form, except for known shares.

Recognises the built-in forms by their marks. A pure function of its arguments; knows no engine.
"""

import random
import re
from dataclasses import dataclass

_EVOLVE = re.compile(r'Original Prompt: "(?P<seed>.*)"\n.*separated by commas, (?P<main>\w+) first\)', re.DOTALL)
_KIND = re.compile(r"^- (\w+): ", re.MULTILINE)
_CHECK = re.compile(r"^Main constraint used: \(Yes or No\)$", re.MULTILINE)
_MATHS = re.compile(r"\bsum\b|\bfunction\b", re.IGNORECASE)
"""A seed prompt that it takes for mathematics or programming, and declines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingShares:
    """Shares of replies that are not a prompt to keep."""

    unparsable: float = 0.06
    off_count: float = 0.05
    unchanged: float = 0.02
    no: float = 0.04
    """Of each of a check's three verdicts."""
    unreadable_check: float = 0.04


def asks_teacher(text: str) -> bool:
    return _EVOLVE.search(text) is not None or _CHECK.search(text) is not None


def teach(text: str, draw: random.Random, shares: TeachingShares) -> str:
    """The reply to one of the two forms, filled in."""
    found = _EVOLVE.search(text)
    return _check(draw, shares) if found is None else _evolve(found["seed"], found["main"], text, draw, shares)


def _evolve(seed: str, main: str, text: str, draw: random.Random, shares: TeachingShares) -> str:
    others = [kind for kind in _KIND.findall(text) if kind != main]
    added = draw.sample(others, 4 if draw.random() < shares.off_count else draw.randint(1, 3))
    evolved = f"{seed} Mind the {' and the '.join([main, *added])}, note {draw.randrange(10**6)}."
    if _MATHS.search(seed):
        evolved = "None"
    elif draw.random() < shares.unchanged:
        evolved = seed
    line = f"Constraints: {', '.join([main, *added])}\nNew Prompt: "
    return line + (evolved if draw.random() < shares.unparsable else f"[[start]] {evolved} [[end]]")


def _check(draw: random.Random, shares: TeachingShares) -> str:
    if draw.random() < shares.unreadable_check:
        return "Reasons: it looks fine."
    answerable, consistent, used = ("No" if draw.random() < shares.no else "Yes" for _ in range(3))
    return f"Reasons: as read.\nAnswerable: {answerable}\nConsistent: {consistent}\nMain constraint used: {used}"
