"""Finds the prompt in a row: plain, Alpaca, ShareGPT, messages, or in a pair's sides. Knows nothing of files.

A prompt is one text, the first user turn; other relevant parts of the row are left out and counted. A system message or
tools would change the task, so a rule decides about such rows: reject them, ignore the message, or put it before the
prompt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from spar.data import text_rows
from spar.data.rows import Fields, RejectKind, Unusable, shown
from spar.data.text_rows import RowRefused, TextRules, check_columns, check_placeholders, has_tools
from spar.data.turns import SYSTEM_KEYS, Role, RowTurn, flat_row, looks_like_turns, turns_of

Layout = Literal["auto", "plain", "alpaca", "sharegpt", "messages"]
SystemRule = Literal["reject", "ignore", "prepend"]

ID_KEYS = ("id", "prompt_id", "uuid")
PROMPT_KEYS = ("prompt", "messages", "conversations", "conversation", "instruction", "input", "chosen")
_CONVERSATIONS = ("messages", "conversations", "conversation")
_NEVER_PLAIN = (*_CONVERSATIONS, "chosen")
COLUMNS = (*PROMPT_KEYS, *SYSTEM_KEYS, "history", *ID_KEYS, *text_rows.COLUMNS)
"""Every key that a layout reads."""


class LeftOut(StrEnum):
    """A part of the row that its prompt does not include."""

    LATER_TURNS = "later_turns"  # of a conversation only the first user turn is used
    TOOLS = "tools"
    SYSTEM = "system_message"


@dataclass(frozen=True, slots=True)
class RowPrompt:
    """A row's prompt, its id if it has one, and the parts of the row that were left out."""

    text: str
    id: str | None = None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptRules:
    """How to handle a row with a system message, and one that is more than text."""

    system: SystemRule = "reject"
    text: TextRules = field(default_factory=TextRules)


PROMPTS_ONLY = PromptRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A prompt before the rules are applied."""

    text: str
    system: str | None = None
    later_turns: bool = False
    tools: bool = False


def find_prompt(
    row: Fields, layout: Layout, key: str | None = None, rules: PromptRules = PROMPTS_ONLY
) -> RowPrompt | Unusable:
    """`key` names the key of the prompt, overriding the layout."""
    row = flat_row(row)
    try:
        check_columns(row, rules.text)
        found = _by_key(row, key) if key else _READERS[layout](row)
        check_placeholders(found.text, rules.text)
        return _ruled(row, found, rules)
    except RowRefused as error:
        return Unusable(kind=error.kind, reason=error.reason, raw=shown(str(row)))


def _ruled(row: Fields, found: _Reading, rules: PromptRules) -> RowPrompt:
    tools = found.tools or has_tools(row)
    if tools and rules.text.tools == "reject":
        raise RowRefused(RejectKind.TOOLS, "a conversation in which tools are called (`--tools` of an import decides)")
    system = bool(found.system and found.system.strip())
    if system and rules.system == "reject":
        raise RowRefused(RejectKind.SYSTEM, "a system message, and a prompt has none (`--system` of an import decides)")
    left_out = (
        (LeftOut.LATER_TURNS, found.later_turns),
        (LeftOut.TOOLS, tools),
        (LeftOut.SYSTEM, system and rules.system == "ignore"),
    )
    text = f"{found.system}\n\n{found.text}" if system and rules.system == "prepend" else found.text
    ids = (row[key] for key in ID_KEYS if isinstance(row.get(key), str | int) and row[key] != "")
    name = next((shown(str(one)) for one in ids), None)
    return RowPrompt(text, name, tuple(what for what, is_so in left_out if is_so))


def _auto(row: Fields) -> _Reading:
    """Find the prompt by the first known key."""
    key = next((key for key in PROMPT_KEYS if row.get(key) is not None), None)
    if key is None:
        named = ", ".join(PROMPT_KEYS)
        raise RowRefused(RejectKind.LAYOUT, f"none of the keys {named}: name the key with --field")
    return _alpaca(row) if key == "instruction" else _by_key(row, key)


def _by_key(row: Fields, key: str) -> _Reading:
    """A text or a conversation; some keys never hold plain text."""
    value = row.get(key)
    if value is not None and (key in _NEVER_PLAIN or looks_like_turns(value)):
        return _conversation(row, key)
    beside = _turns_beside(row, key)
    return _Reading(
        text=_plain(row, key),
        system=_system_of(row),
        later_turns=sum(turn.role is Role.USER for turn in beside) > 1,
        tools=_uses_tools(beside),
    )


def _turns_beside(row: Fields, key: str) -> list[RowTurn]:
    """The conversation that starts with the prompt, if the row has both."""
    other = next((name for name in _CONVERSATIONS if name != key and row.get(name) is not None), None)
    try:
        return [] if other is None else turns_of(row[other], other)
    except RowRefused:
        return []  # the prompt does not need it


def _plain(row: Fields, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise RowRefused(RejectKind.LAYOUT, f"`{key}` is not a text" if key in row else f"no key `{key}`")
    return value


def _alpaca(row: Fields) -> _Reading:
    instruction, more = _plain(row, "instruction"), row.get("input")
    if more is not None and not isinstance(more, str):
        raise RowRefused(RejectKind.LAYOUT, "`input` is not a text")
    first = _first_of_history(row.get("history"))
    if first is not None:
        return _Reading(text=first, system=_system_of(row), later_turns=True)
    return _Reading(text=f"{instruction}\n{more}" if more and more.strip() else instruction, system=_system_of(row))


def _first_of_history(history: Any) -> str | None:
    """The first user turn of [[user, assistant], ...]: `instruction` then is the last one."""
    if not isinstance(history, list) or not history:
        return None
    if not isinstance(history[0], list) or not history[0] or not isinstance(history[0][0], str):
        raise RowRefused(RejectKind.LAYOUT, "`history` is not a list of [user, assistant]")
    return history[0][0]


def _sharegpt(row: Fields) -> _Reading:
    return _conversation(row, "conversations" if "conversations" in row else "conversation")


def _messages(row: Fields) -> _Reading:
    return _conversation(row, "messages" if "messages" in row else "prompt")


_READERS: dict[Layout, Callable[[Fields], _Reading]] = {
    "auto": _auto,
    "plain": lambda row: _Reading(text=_plain(row, "prompt"), system=_system_of(row)),
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "messages": _messages,
}


def _conversation(row: Fields, key: str) -> _Reading:
    if row.get(key) is None:
        raise RowRefused(RejectKind.LAYOUT, f"no key `{key}`")
    turns = turns_of(row[key], key)
    system, first = _system_of(row), next((i for i, turn in enumerate(turns) if turn.role is not Role.SYSTEM), None)
    if first is None:
        raise RowRefused(RejectKind.LAYOUT, f"`{key}` has no turn of the user")
    if turns[first].role is not Role.USER:
        called = turns[first].called
        raise RowRefused(RejectKind.LAYOUT, f"`{key}` starts with a turn of '{called}', not of the user")
    before = [turn.text() for turn in turns[:first]]
    later = turns[first + 1 :]
    return _Reading(
        text=turns[first].text(),
        system="\n\n".join(before) if before else system,
        later_turns=any(turn.role is Role.USER for turn in later),
        tools=_uses_tools(later),
    )


def _uses_tools(turns: Sequence[RowTurn]) -> bool:
    return any(turn.role is Role.TOOL or turn.calls_tools for turn in turns)


def _system_of(row: Fields) -> str | None:
    key = next((key for key in SYSTEM_KEYS if row.get(key) is not None), None)
    system = row.get(key) if key else None
    if system is not None and not isinstance(system, str):
        raise RowRefused(RejectKind.LAYOUT, f"`{key}` is not a text")
    return system
