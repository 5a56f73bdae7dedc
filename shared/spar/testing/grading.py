"""What the simulated models write when they score, rate, compare judgments, or write an instruction for a text.

The same hidden property as in verdicts: `behaviour` says whether a text is good, this file what number that makes.
"""

import random
import re
from collections.abc import Callable
from enum import StrEnum

Write = Callable[[random.Random], str]
"""Makes some words."""

FIRST_PLACE = 0.6
"""Share of comparisons that the judgment shown first wins, whatever it says."""
LIKED = 0.5
"""Share of texts without a mark that are rated high: those that no simulation wrote."""


class Grade(StrEnum):
    SCORE = "score"
    RATE = "rate"
    COMPARE = "compare"
    INSTRUCT = "instruct"


_MARKS: tuple[tuple[Grade, re.Pattern[str]], ...] = (
    (Grade.COMPARE, re.compile(r"^Compare :|^Winner: \(", re.MULTILINE)),
    (Grade.SCORE, re.compile(r"^Score :|^Score: \(", re.MULTILINE)),
    (Grade.RATE, re.compile(r"^Rate :|^Rating: \(", re.MULTILINE)),
    (Grade.INSTRUCT, re.compile(r"^Instruction :|^Reply with the Prompt itself", re.MULTILINE)),
)
"""What distinguishes the forms of the built-in sets; forms that contain another's words come first."""


def requested_grade(text: str) -> Grade | None:
    return next((grade for grade, mark in _MARKS if mark.search(text)), None)


def graded(grade: Grade, prompt: str, good: bool, wrong: float, draw: random.Random, write: Write) -> str:
    """A reply in the requested form. `good`: the text is; `wrong`: how often the number contradicts it."""
    evidence = write(draw)
    if grade is Grade.INSTRUCT:
        return evidence
    if grade is Grade.COMPARE:
        name, value = "Winner", "A" if draw.random() < FIRST_PLACE else "B"
    else:
        name, value = ("Score" if grade is Grade.SCORE else "Rating"), str(_number(grade, prompt, good, wrong, draw))
    if prompt.startswith(("Score :", "Rate :", "Compare :")):
        return f"{evidence} ; {name} : {value}"
    return f"{evidence}\n{name}: {value}"


def _number(grade: Grade, prompt: str, good: bool, wrong: float, draw: random.Random) -> int:
    liked = good or (grade is Grade.RATE and random.Random(prompt).random() < LIKED)
    if liked == (draw.random() < wrong):
        return draw.choice((1, 2, 3))
    return 5 if grade is Grade.RATE else draw.choice((4, 5))
