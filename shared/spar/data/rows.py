"""What readers give: rows of keys, or rows that cannot be used and why. Knows nothing of files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spar.texts import UNSTORABLE_NAMED, is_storable
from spar.texts import storable as cleaned

NOT_TEXT = "bytes that are not text in this encoding (see --encoding)"
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of such a byte
RAW_TOLD = 500
"""Characters of a rejected row that the rejects file repeats."""


class RejectKind(StrEnum):
    """Why a row gives no prompt, in the order in which it is asked; every row that is read has at most one."""

    ENCODING = "encoding"  # its bytes are not text in the encoding of the file
    BROKEN = "broken"  # not a row of keys
    MORE_THAN_TEXT = "more_than_text"  # pictures, video or sound
    TOOLS = "tools"  # what it asks for needs tools
    NOT_LEARNED = "not_learned"  # it marks its response as one that must not be learned
    LAYOUT = "layout"  # no prompt where the layout has it
    SYSTEM = "system"  # a system message, which a prompt has no place for
    UNUSABLE = "unusable"  # empty, or characters that cannot be stored
    LENGTH = "length"
    LANGUAGE = "language"
    CONTAMINATED = "contaminated"  # too close to an evaluation prompt
    DUPLICATE = "duplicate"
    DUPLICATE_ID = "duplicate_id"  # another text under an id of the same source
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why there is no prompt; `raw` is what can be shown of the row."""

    kind: RejectKind
    reason: str
    raw: str = ""


Fields = dict[str, Any]
Reading = Iterator[tuple[int, Fields | Unusable]]
"""Rows with their place, from 1: the line of a text file, the record of a table."""


def storable(text: str) -> Unusable | None:
    """Why a text cannot be a prompt whatever it says; None if it can."""
    if not text.strip():
        return Unusable(kind=RejectKind.UNUSABLE, reason="the prompt is empty")
    if not_text(text):
        return Unusable(kind=RejectKind.ENCODING, reason=NOT_TEXT, raw=text)
    if not is_storable(text):
        return Unusable(kind=RejectKind.UNUSABLE, reason=UNSTORABLE_NAMED, raw=text)
    return None


def not_text(text: str) -> bool:
    """Whether it holds bytes that the file's encoding does not know."""
    return _ESCAPED_BYTE.search(text) is not None


def shown(text: str) -> str:
    """The start of a text, such that any file can hold it."""
    return cleaned(text[:RAW_TOLD])
