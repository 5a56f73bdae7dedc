"""Reads a teacher's list of instructions: one an item, each once. Whether code can check one is found out elsewhere."""

import re

from spar.method.reading import after_thoughts

_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)


def parse_instructions(reply: str, finish_reason: str = "stop") -> tuple[str, ...]:
    """The items in their order. The last one of a reply that was cut off may be half an instruction: it is left out."""
    items = _ITEM.findall(after_thoughts(reply) or "")
    whole = items[:-1] if finish_reason == "length" else items
    return tuple(dict.fromkeys(whole))
