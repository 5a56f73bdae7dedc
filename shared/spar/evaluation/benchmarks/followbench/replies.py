"""Reads a FollowBench judge's reply: the list of YES and NO, one per constraint, that it ends with.

The list is read word by word; nothing that a model wrote is ever evaluated. As in all forms, it counts where it
stands by itself, over however many lines; one in a sentence only where it closes the reply. Knows nothing of scores.
"""

import re

from spar.method.reading import after_thoughts, read_yes_no
from spar.method.reading.phrases import CONDITIONAL, revises

_LIST = re.compile(r"^(?P<lead>[^\[\n]*)\[(?P<inside>[^\[\]]*)\](?P<rest>[^\n]*)", re.MULTILINE)
_LABEL = re.compile(r"[^\w\n]*(?:[\w][\w '’-]{0,60}[:：][^\w\n]*)?")
_AROUND = " \t\r\n'\"`‘’“”*"


def parse_judge_reply(reply: str, level: int) -> tuple[bool, ...] | None:
    """Which of the `level` constraints hold; None if the reply does not say so for every one.

    The last list of words in YES and NO counts, unless an earlier one differs and isn't taken back. A single constraint
    may stand without brackets, in the last line that has words.
    """
    text = (after_thoughts(reply) or "").rstrip()
    lists = [found for found in _LIST.finditer(text) if _stands_alone(found, text) and _words(found["inside"])]
    if not lists:
        return _bare(text) if level == 1 else None
    last = _verdicts(lists[-1], level)
    others = [found for found in lists[:-1] if _verdicts(found, level) not in (None, last)]
    return last if not others or revises(text[others[-1].end() : lists[-1].start()]) else None


def _stands_alone(found: re.Match[str], text: str) -> bool:
    lead, rest = found["lead"], found["rest"]
    if CONDITIONAL.search(lead) or CONDITIONAL.search(rest) or "[" in rest:
        return False
    closes = not any(character.isalnum() for character in rest) and not text[found.end() :].strip("`\n \t")
    return closes or _LABEL.fullmatch(lead) is not None


def _words(inside: str) -> list[str]:
    """The list's words in capitals, without a comma at its end; none if there is no YES or NO among them."""
    words = [word.strip(_AROUND).upper() for word in inside.strip().removesuffix(",").split(",")]
    return words if {"YES", "NO"} & set(words) else []


def _verdicts(found: re.Match[str], level: int) -> tuple[bool, ...] | None:
    words = _words(found["inside"])
    return tuple(word == "YES" for word in words) if len(words) == level and set(words) <= {"YES", "NO"} else None


def _bare(text: str) -> tuple[bool] | None:
    """The verdict of a last line without a list: in capitals, or nothing else on the line ("no idea" says nothing)."""
    line = next((line for line in reversed(text.splitlines()) if any(map(str.isalnum, line))), "")
    capitals = re.findall(r"\b(?:YES|NO)\b", line)
    said = read_yes_no(line) if len(line.split()) == 1 else None
    if len(capitals) == 1 and not CONDITIONAL.search(line):
        said = capitals[0] == "YES"
    return None if said is None else (said,)
