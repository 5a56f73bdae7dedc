"""Reads the rows of {prompt, response} that `spar refine` searches. An unusable row is reported, never dropped.

A row's identity is its line number and the hash of the line's bytes. Knows nothing of models or outputs.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spar.data.text_rows import TEXT_ONLY, RowRefused, check_columns, check_placeholders, check_weight, is_filled
from spar.data.turns import looks_like_turns
from spar.errors import DataError

_SHOWN = 100_000
"""Characters of a rejected line that its output row repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRow:
    """A line of the input, numbered from 1. With a `reason` it is rejected, and `raw` is its text."""

    line: int
    row: str
    prompt: str = ""
    response: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    raw: str = ""


class _UnusableLine(Exception):
    """The reason that a line is no row; caught by `_parse`."""


def read_rows(path: Path) -> Iterator[InputRow]:
    """Stream the file; blank lines are no rows. Raises DataError if it cannot be read at all."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield _parse(number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
    except OSError as error:
        raise DataError(
            f"The input {path} cannot be read: {error.strerror}.",
            "Check the path; it is a file of one JSON row a line.",
        ) from error


def count_rows(path: Path) -> int:
    """The number of rows that `read_rows` will yield."""
    try:
        with path.open("rb") as file:
            return sum(1 for raw in file if raw.strip())
    except OSError as error:
        raise DataError(
            f"The input {path} cannot be read: {error.strerror}.",
            "Check the path; it is a file of one JSON row a line.",
        ) from error


def _parse(number: int, raw: bytes) -> InputRow:
    identity = hashlib.sha256(raw.rstrip(b"\r\n")).hexdigest()[:16]
    try:
        fields = _fields(raw)
        _check(fields)
        prompt, response = _text(fields, "prompt"), _text(fields, "response")
        check_placeholders(prompt)
    except (_UnusableLine, RowRefused) as error:
        shown = raw.decode("utf-8", errors="replace").rstrip("\r\n")[:_SHOWN]
        return InputRow(line=number, row=identity, reason=str(error), raw=shown)
    return InputRow(line=number, row=identity, prompt=prompt, response=response, extra=fields)


def _fields(raw: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _UnusableLine(f"not UTF-8 (byte {error.start + 1} of the line)") from error
    except json.JSONDecodeError as error:
        raise _UnusableLine(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise _UnusableLine("not JSON that can be read: nested too deep") from error
    if not isinstance(fields, dict):
        raise _UnusableLine('not a row of keys: write {"prompt": "...", "response": "..."}')
    return fields


def _check(fields: dict[str, Any]) -> None:
    """Reject what an import rejects too: content that is not text, tools, a system message, and rows that must not be
    learned from.

    A response labelled as undesired is accepted: it can be refined.
    """
    check_columns(fields, TEXT_ONLY)
    check_weight(fields)
    if is_filled(fields.get("system")):
        raise _UnusableLine("a system message, and a prompt has none")
    if looks_like_turns(fields.get("prompt")):
        raise _UnusableLine("`prompt` is a conversation: write its one text")


def _text(fields: dict[str, Any], key: str) -> str:
    text = fields.pop(key, None)
    if text is None:
        raise _UnusableLine(f"no key `{key}`")
    if not isinstance(text, str):
        raise _UnusableLine(f"`{key}` is not a text")
    if not text.strip():
        raise _UnusableLine(f"`{key}` is empty")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _UnusableLine(f"`{key}` holds half a surrogate pair, which no model can be sent")
    return text


def _no_number(name: str) -> None:
    raise _UnusableLine(f"{name} is not JSON")
