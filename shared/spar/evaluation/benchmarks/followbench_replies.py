"""Reads a FollowBench judge's reply: its last line is a list of YES and NO, one per constraint.

The list is read word by word; nothing that a model wrote is ever evaluated. Knows nothing of scores.
"""

import re

_LIST = re.compile(r"\[([^\[\]]*)\]")
_WORD = re.compile(r"\b(YES|NO)\b")  # in capitals only: "no idea" says nothing
_AROUND = " \t'\"`‘’“”*"


def parse_judge_reply(reply: str, level: int) -> tuple[bool, ...] | None:
    """Which of the `level` constraints hold; None if the reply does not say so for every one.

    The last line that has words counts, so a closing code fence does no harm. A single constraint may stand
    without brackets.
    """
    lines = [line for line in reply.splitlines() if any(character.isalnum() for character in line)]
    if not lines:
        return None
    lists = _LIST.findall(lines[-1])
    if lists:
        return _parse(lists[-1].split(","), level)
    return _parse(_WORD.findall(lines[-1]), level) if level == 1 else None


def _parse(elements: list[str], level: int) -> tuple[bool, ...] | None:
    said = [element.strip(_AROUND).upper() for element in elements]
    if len(said) != level or not set(said) <= {"YES", "NO"}:
        return None
    return tuple(word == "YES" for word in said)
