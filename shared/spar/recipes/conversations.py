"""Reads a file of conversations to be trained on: JSONL of {"messages": [{"role": ..., "content": ...}, ...]} rows."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from spar.errors import DataError
from spar.method.records import Example, ExampleKind, Message

Row = TypeVar("Row")

ROLES = ("system", "user", "assistant")


def read_conversations(path: Path, most: int) -> list[Example]:
    """The first `most` rows. Raises DataError for a row that is no conversation, and for a file without any."""
    rows = read_first(path, most, _conversation)
    if not rows:
        raise DataError(f"{path} holds no conversation.", 'Write one {"messages": [...]} row a line.')
    return rows


def read_first(path: Path, most: int, read: Callable[[bytes, str], Row]) -> list[Row]:
    """The first `most` lines that are not blank, each read with its place in the file; nothing after them is read."""
    with path.open("rb") as lines:
        filled = ((line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip())
        return [read(line, place) for line, place in islice(filled, most)]


def mixed(messages: tuple[Message, ...]) -> Example:
    return Example("", ExampleKind.MIXED, messages)


def _conversation(line: bytes, place: str) -> Example:
    try:
        messages = tuple(read_message(each) for each in json.loads(line.decode("utf-8-sig"))["messages"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise _refused(place, f"is no row of messages ({error})") from error
    if not any(message.role == "assistant" for message in messages):
        raise _refused(place, "has no assistant turn to learn from")
    return mixed(messages)


def read_message(value: Any) -> Message:
    """Raises KeyError, TypeError or ValueError for what is none."""
    role, content = value["role"], value["content"]
    if role not in ROLES or not isinstance(content, str):
        raise ValueError(f"a turn has role {role!r}; its content must be a text")
    return Message(role, content)


def _refused(place: str, why: str) -> DataError:
    return DataError(f"{place} {why}.", 'Write {"messages": [{"role": "user", "content": "..."}, ...]}.')
