"""Constraints on a text: the wording of each, and its checker in Python.

One entry of `KINDS` is one kind of constraint. Kinds of the same `axis` are never combined: they could contradict or
repeat each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckableConstraint:
    """`wording` closes the prompt; `condition` is a Python expression over `response`, `words` and `lines`."""

    wording: str
    condition: str

    @property
    def checker(self) -> str:
        """Source of `evaluate(response)`, which is false for an empty text."""
        return (
            "def evaluate(response):\n"
            "    words = response.split()\n"
            "    lines = [line for line in response.splitlines() if line.strip()]\n"
            f"    return bool(words) and bool({self.condition})\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintKind:
    axis: str
    draw: Callable[[Random], CheckableConstraint]


def _kind(axis: str, wording: str, condition: str, *arguments: object) -> ConstraintKind:
    """A kind whose `{}` is filled with one of the arguments, if it has any."""

    def draw(rng: Random) -> CheckableConstraint:
        argument = rng.choice(arguments) if arguments else ""
        return CheckableConstraint(wording=wording.format(argument), condition=condition.format(argument))

    return ConstraintKind(axis=axis, draw=draw)


_OPENINGS = ("First", "Well", "Today", "Here", "Simply", "Usually")
_CLOSINGS = ("enjoy", "done", "goodbye", "thanks", "cheers")
_BANNED = ("the", "and", "is", "of")
_EXTRA = ("sunny", "window", "river", "music", "garden", "seven")

KINDS: tuple[ConstraintKind, ...] = (
    _kind("length", "Use at most {} words.", "len(words) <= {}", 15, 20, 25, 30),
    _kind("length", "Use at least {} words.", "len(words) >= {}", 25, 35, 45),
    _kind("case", "Write everything in lowercase letters.", "response == response.lower()"),
    _kind("case", "Write everything in capital letters.", "response == response.upper()"),
    _kind("punctuation", "Do not use any commas.", "',' not in response"),
    _kind("punctuation", "Do not use any full stops.", "'.' not in response"),
    _kind("opening", 'Begin with the word "{}".', "response.strip().lower().startswith('{}'.lower())", *_OPENINGS),
    _kind("closing", 'End with the word "{}".', "words[-1].strip('.!\"*').lower() == '{}'", *_CLOSINGS),
    _kind("closing", "End with an exclamation mark.", "response.strip().endswith('!')"),
    _kind("word", 'Use the word "{}".', "'{}' in response.lower()", *_EXTRA),
    _kind("word", 'Do not use the word "{}".', "'{}' not in [w.strip('.,!?').lower() for w in words]", *_BANNED),
    _kind("shape", "Answer in a single line.", "len(lines) == 1"),
    _kind("shape", "Answer in exactly {} lines.", "len(lines) == {}", 2, 3),
    _kind("shape", 'Start every line with "- ".', "all(line.lstrip().startswith('- ') for line in lines)"),
)
