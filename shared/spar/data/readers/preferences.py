"""Reads a file of preference pairs to be trained on: JSONL of {"prompt": ..., "chosen": ..., "rejected": ...} rows.

Each part is a list of one message: the user's, and one of the assistant for each side, as `spar sets import` and
`spar export --format trl` write them.
"""

from pathlib import Path
from typing import Any

from spar.data.readers.conversations import read_fields, read_first, read_messages
from spar.data.text_rows import RowRefused
from spar.data.turns import turns_of
from spar.errors import DataError
from spar.method.records import Pair, Prompt

SHAPE = 'Write {"prompt": [{"role": "user", ...}], "chosen": [{"role": "assistant", ...}], "rejected": [...]} rows.'


def read_pairs(path: Path, most: int) -> list[Pair]:
    """The first `most` rows. Raises DataError for a row that is no pair, and for a file without any."""
    rows = read_first(path, most, _pair)
    if not rows:
        raise DataError(f"{path} holds no pair.", SHAPE)
    return rows


def _pair(line: bytes, place: str) -> Pair:
    try:
        row = read_fields(line)
        prompt, chosen, rejected = (
            _text(row[name], name, role)
            for name, role in (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant"))
        )
    except (ValueError, RecursionError, KeyError, TypeError, RowRefused) as error:
        raise DataError(f"{place} is no pair ({error}).", SHAPE) from error
    if chosen == rejected:
        raise DataError(f"{place} has two sides that are the same: there is nothing to learn.", "Delete the row.")
    return Pair(prompt=Prompt.of(prompt), chosen=chosen, rejected=rejected)


def _text(part: Any, name: str, role: str) -> str:
    messages = read_messages(turns_of(part, name))
    if [message.role for message in messages] != [role]:
        raise ValueError(f"a part has to be one message of the {role}")
    return messages[0].content
