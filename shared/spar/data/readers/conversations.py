"""Reads a file of conversations to train on: JSONL of {"messages": [{"role": ..., "content": ...}, ...]} rows."""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from spar.data.rows import RejectKind
from spar.data.text_rows import (
    TEXT_ONLY,
    RowRefused,
    check_columns,
    check_desired,
    check_placeholders,
    check_weight,
)
from spar.data.turns import Role, RowTurn, turns_of
from spar.errors import DataError
from spar.method.records import Example, ExampleKind, Message

Row = TypeVar("Row")

ROLES = ("system", "user", "assistant")


def read_conversations(path: Path, most: int) -> list[Example]:
    """The first `most` rows. Raises DataError for a row that is not a conversation, and for an empty file."""
    rows = read_first(path, most, _conversation)
    if not rows:
        raise DataError(f"{path} holds no conversation.", 'Write one {"messages": [...]} row per line.')
    return rows


def read_first(path: Path, most: int, read: Callable[[bytes, str], Row]) -> list[Row]:
    """The first `most` non-blank lines, each parsed with its location in the file; the rest is not read."""
    with path.open("rb") as lines:
        filled = ((line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip())
        return [read(line, place) for line, place in islice(filled, most)]


def mixed(messages: tuple[Message, ...]) -> Example:
    return Example("", ExampleKind.MIXED, messages)


def _conversation(line: bytes, place: str) -> Example:
    try:
        row = read_fields(line)
        check_desired(row)
        turns = turns_of(row["messages"], "messages")
        messages = read_messages(turns)
        unlearned = next((turn.unlearned for turn in turns if turn.role is Role.ASSISTANT and turn.unlearned), None)
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise _refused(place, f"is not a row of messages ({error})") from error
    except RowRefused as error:
        raise _refused(place, f"cannot be trained on ({error.reason})") from error
    if unlearned is not None:
        raise _refused(place, f"has a turn that is excluded from training ({unlearned})")
    if not any(message.role == "assistant" for message in messages):
        raise _refused(place, "has no assistant turn to train on")
    return mixed(messages)


def read_fields(line: bytes) -> dict[str, Any]:
    """A row whose columns permit training on it. Raises RowRefused, and ValueError for what is not a row."""
    row = json.loads(line.decode("utf-8-sig"))
    if not isinstance(row, dict):
        raise ValueError("not a row of keys")
    check_columns(row, TEXT_ONLY)
    check_weight(row)
    return row


def read_messages(turns: Sequence[RowTurn]) -> tuple[Message, ...]:
    """Raises RowRefused for turns of other roles, and for content that is more than text."""
    for turn in turns:
        if turn.role is None or turn.role is Role.TOOL or turn.calls_tools:
            raise RowRefused(RejectKind.LAYOUT, f"a turn has role {turn.called!r}; known are {', '.join(ROLES)}")
    messages = tuple(turn.message() for turn in turns)
    for message in messages:
        if message.role != "assistant":
            check_placeholders(message.content)
    return messages


def _refused(place: str, why: str) -> DataError:
    return DataError(f"{place} {why}.", 'Write {"messages": [{"role": "user", "content": "..."}, ...]}.')
