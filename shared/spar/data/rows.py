"""The output of readers: rows as dictionaries, or unusable rows with the reason. Knows nothing of files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spar.texts import UNSTORABLE_NAMED, is_storable
from spar.texts import storable as cleaned

NOT_TEXT = "bytes that are not text in this encoding (see --encoding)"
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")  # what `surrogateescape` decodes such a byte to
RAW_SHOWN = 500
"""Characters of a rejected row that the rejects file includes."""


class RejectKind(StrEnum):
    """Why a row has no usable prompt, in the order of the checks; a row has at most one reason."""

    ENCODING = "encoding"  # its bytes are not text in the encoding of the file
    BROKEN = "broken"  # not a row of keys
    MORE_THAN_TEXT = "more_than_text"  # pictures, video or sound
    TOOLS = "tools"  # its task needs tools
    NOT_LEARNED = "not_learned"  # it marks its response as excluded from training
    LAYOUT = "layout"  # no prompt where the layout has it
    SYSTEM = "system"  # a system message, which a prompt cannot hold
    UNUSABLE = "unusable"  # empty, or characters that cannot be stored
    LENGTH = "length"
    LANGUAGE = "language"
    CONTAMINATED = "contaminated"  # too close to an evaluation prompt
    DUPLICATE = "duplicate"
    DUPLICATE_ID = "duplicate_id"  # another text under an id of the same source
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A row without a usable prompt, with the reason; `raw` is what can be shown of the row."""

    kind: RejectKind
    reason: str
    raw: str = ""


Fields = dict[str, Any]
Reading = Iterator[tuple[int, Fields | Unusable]]
"""Rows with their position, from 1: the line of a text file, the record of a table."""


def storable(text: str) -> Unusable | None:
    """Why a text cannot be a prompt regardless of its content; None if it can."""
    if not text.strip():
        return Unusable(kind=RejectKind.UNUSABLE, reason="the prompt is empty")
    if not_text(text):
        return Unusable(kind=RejectKind.ENCODING, reason=NOT_TEXT, raw=text)
    if not is_storable(text):
        return Unusable(kind=RejectKind.UNUSABLE, reason=UNSTORABLE_NAMED, raw=text)
    return None


def not_text(text: str) -> bool:
    """Whether it holds bytes that are invalid in the file's encoding."""
    return _ESCAPED_BYTE.search(text) is not None


def shown(text: str) -> str:
    """The start of a text, in a form that any file can hold."""
    return cleaned(text[:RAW_SHOWN])
