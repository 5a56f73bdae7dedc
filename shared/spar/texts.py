"""Which texts can be kept: PostgreSQL takes no NUL, UTF-8 no half of a surrogate pair. The one place that knows.

Outside text is checked by `is_storable` where its sender can be answered, and made `storable` where it is kept anyway:
errors, logs, what is shown of a reply. Standard library only; knows nothing of who sends texts.
"""

import re
from collections.abc import Mapping
from typing import Any

INSTEAD = "?"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNSTORABLE_NAMED = "a character that cannot be stored (NUL or half a surrogate pair)"


def is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """The text with a question mark in place of every character that cannot be stored."""
    return _UNSTORABLE.sub(INSTEAD, text)


def storable_all(value: Any) -> Any:
    """The same for every text in lists and mappings, keys too; anything else as it is."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable_all(key): storable_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable_all(each) for each in value]
    return value


def is_all_storable(value: Any) -> bool:
    """Whether every text in lists and mappings can be stored, keys too."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, Mapping):
        return all(is_storable(key) if isinstance(key, str) else True for key in value) and all(
            is_all_storable(each) for each in value.values()
        )
    return all(map(is_all_storable, value)) if isinstance(value, list | tuple) else True


def plain_message(message: str) -> str:
    """A validation message as people read it: pydantic puts the type of a raised error before its text."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
