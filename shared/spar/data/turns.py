"""Reads the turns of a conversation from any of the forms found in rows. Knows nothing of a conversation's purpose.

The forms: a list of {role, content} or {from, value}; the same as JSON text, as in tables and CSV files; a dict of
lists, as `datasets` returns for `Sequence({...})`. A content is a text, or a list of parts that are all text.
"""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spar.data.rows import Fields, RejectKind
from spar.data.text_rows import RowRefused, is_filled, unlearned_mark
from spar.method.records import Message


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"  # a call of a tool, or its result, as a separate turn


_TOOL_NAMES = ("tool", "function", "function_call", "observation", "tool_call", "tool_response", "ipython")
SYSTEM_KEYS = ("system", "system_prompt", "system_message")
"""Columns with a system message beside the turns; the first that a row has counts."""
TOOL_ROLES = dict.fromkeys(_TOOL_NAMES, Role.TOOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnNames:
    """The keys of a turn, and the names of the roles."""

    role: tuple[str, ...] = ("role", "from")
    content: tuple[str, ...] = ("content", "value")
    roles: dict[str, Role] = field(
        default_factory=lambda: {
            "user": Role.USER,
            "human": Role.USER,
            "assistant": Role.ASSISTANT,
            "gpt": Role.ASSISTANT,
            "model": Role.ASSISTANT,
            "chatgpt": Role.ASSISTANT,
            "system": Role.SYSTEM,
            "developer": Role.SYSTEM,
            **TOOL_ROLES,
        }
    )


_CALLS = ("tool_calls", "function_call")
_LOOKS_LIKE_TURNS = re.compile(r"""\s*\[\s*\{\s*(['"])(?:role|from|content|value)\1\s*:""")
USUAL_NAMES = TurnNames()


@dataclass(frozen=True, slots=True)
class RowTurn:
    """`role` is None for an unknown one; `called` is its name in the row. The text is read only when needed."""

    role: Role | None
    called: str
    content: Any
    fields: dict[str, Any] = field(default_factory=dict)
    """The turn as in the row; empty where the row's columns hold its text."""

    @property
    def calls_tools(self) -> bool:
        return any(is_filled(self.fields.get(name)) for name in _CALLS)

    @property
    def unlearned(self) -> str | None:
        """The mark that excludes it from the loss, such as `weight: 0`."""
        return unlearned_mark(self.fields)

    def text(self) -> str:
        """Raises RowRefused if it is more than text, or has no text."""
        if self.content is None or (self.calls_tools and not is_filled(self.content)):
            why = "calls a tool and has no text" if self.calls_tools else "has no text"
            kind = RejectKind.TOOLS if self.calls_tools else RejectKind.LAYOUT
            raise RowRefused(kind, f"a turn of the {self.called} {why}")
        return text_of(self.content, f"a turn of the {self.called}")

    def message(self) -> Message:
        """Raises RowRefused as `text` does."""
        return Message(self.role.value if self.role is not None else self.called, self.text())


def turns_of(value: Any, key: str, names: TurnNames = USUAL_NAMES) -> list[RowTurn]:
    """Raises RowRefused for a value that is not a conversation."""
    if isinstance(value, str):
        value = _parsed(value)
        if value is None:
            raise RowRefused(RejectKind.LAYOUT, f"`{key}` is a text, but not a list of messages in JSON")
    if isinstance(value, dict):
        value = _rows_of(value, names) or [value]
    if not isinstance(value, list):
        raise RowRefused(RejectKind.LAYOUT, f"`{key}` is not a list of messages")
    return [_turn(turn, key, names) for turn in value]


def flat_row(row: Fields) -> Fields:
    """OpenAI's preference rows hold messages and tools one level down, in `input`."""
    inner = row.get("input")
    return {**row, "input": None, **inner} if isinstance(inner, dict) and "messages" in inner else row


def looks_like_turns(value: Any) -> bool:
    """Whether a key that may hold plain text, such as `prompt`, holds a conversation."""
    return isinstance(value, list | dict) or (isinstance(value, str) and _LOOKS_LIKE_TURNS.match(value) is not None)


def text_of(content: Any, what: str) -> str:
    """A content as one text; its parts are joined by line breaks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise RowRefused(RejectKind.LAYOUT, f"{what} is not a text")
    if not content:
        raise RowRefused(RejectKind.LAYOUT, f"{what} has no text")
    return "\n".join(_part(part, what) for part in content)


def _part(part: Any, what: str) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(text, str) or kind not in (None, "text", "input_text", "output_text"):
        named = f" (a part of type {kind!r})" if kind else ""
        raise RowRefused(RejectKind.MORE_THAN_TEXT, f"{what} holds more than text{named}")
    return text


def _parsed(text: str) -> Any:
    """A list of messages in JSON, or in Python's notation. None: it is neither."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text.strip()) if _LOOKS_LIKE_TURNS.match(text) else None
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    if isinstance(value, str):  # JSON within JSON
        return _parsed(value) if _LOOKS_LIKE_TURNS.match(value) else None
    return value if isinstance(value, list | dict) else None


def _rows_of(columns: dict[str, Any], names: TurnNames) -> list[dict[str, Any]] | None:
    """{"role": [...], "content": [...]} as a list of turns, if the lists have the same length."""
    lists = {key: value for key, value in columns.items() if isinstance(value, list)}
    roles, contents = _first(lists, names.role), _first(lists, names.content)
    if roles is None or contents is None or len(roles) != len(contents):
        return None
    fitting = {key: value for key, value in lists.items() if len(value) == len(roles)}
    return [{key: value[index] for key, value in fitting.items()} for index in range(len(roles))]


def _turn(turn: Any, key: str, names: TurnNames) -> RowTurn:
    role = _first(turn, names.role) if isinstance(turn, dict) else None
    if not isinstance(role, str):
        raise RowRefused(RejectKind.LAYOUT, f"a turn in `{key}` is not {{role, content}} or {{from, value}}")
    return RowTurn(names.roles.get(role), role, _first(turn, names.content), turn)


def _first(row: dict[str, Any], keys: Sequence[str]) -> Any:
    for key in keys:
        if (value := row.get(key)) is not None:
            return value
    return None
