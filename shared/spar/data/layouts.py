"""Where in a row the prompt is: plain, Alpaca, ShareGPT, or messages. Knows nothing of files.

A prompt is one text, the first user turn; later turns are not read. A system message would change what the prompt
asks, so what happens with it is asked for: reject the row, ignore the message, or put it before the prompt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from spar.data.rows import Fields, RejectKind, Unusable, shown

Layout = Literal["auto", "plain", "alpaca", "sharegpt", "messages"]
SystemRule = Literal["reject", "ignore", "prepend"]

ID_KEYS = ("id", "prompt_id", "uuid")
PROMPT_KEYS = ("prompt", "messages", "conversations", "conversation", "instruction", "input")
COLUMNS = (*PROMPT_KEYS, "system", *ID_KEYS)
"""Every key that a layout reads."""
_USER = ("user", "human")


@dataclass(frozen=True, slots=True)
class Found:
    """A row's prompt, and its id if it has one."""

    text: str
    id: str | None = None


class _NoPrompt(Exception):
    """Why the layout finds none; caught by `find_prompt`."""


def find_prompt(row: Fields, layout: Layout, field: str | None, system: SystemRule) -> Found | Unusable:
    """`field` names the key of the prompt, whatever the layout."""
    try:
        told, text = _plain(row, field) if field else _READERS[layout](row)
        if told and told.strip() and system != "ignore":
            if system == "reject":
                raise _NoPrompt("a system message, and a prompt has none (see --system)")
            text = f"{told}\n\n{text}"
    except _NoPrompt as error:
        return Unusable(RejectKind.LAYOUT, str(error), shown(str(row)))
    ids = (row[key] for key in ID_KEYS if isinstance(row.get(key), str | int) and row[key] != "")
    return Found(text, next((shown(str(found)) for found in ids), None))


def _auto(row: Fields) -> tuple[str | None, str]:
    """By the first known key. A `prompt` may be a text or messages."""
    key = next((key for key in PROMPT_KEYS if row.get(key) is not None), None)
    if key is None:
        raise _NoPrompt(f"none of the keys {', '.join(PROMPT_KEYS)}: name the key with --field")
    if key == "instruction":
        return _alpaca(row)
    if isinstance(row[key], str):
        return _system_of(row), row[key]
    return _conversation(row, key)


def _plain(row: Fields, field: str | None = None) -> tuple[str | None, str]:
    key = field or "prompt"
    if row.get(key) is None:
        raise _NoPrompt(f"no key `{key}`")
    if not isinstance(row[key], str):
        raise _NoPrompt(f"`{key}` is not a text")
    return _system_of(row), row[key]


def _alpaca(row: Fields) -> tuple[str | None, str]:
    _, instruction = _plain(row, "instruction")
    more = row.get("input")
    if more is not None and not isinstance(more, str):
        raise _NoPrompt("`input` is not a text")
    return _system_of(row), f"{instruction}\n{more}" if more and more.strip() else instruction


def _sharegpt(row: Fields) -> tuple[str | None, str]:
    return _conversation(row, "conversations" if "conversations" in row else "conversation")


def _messages(row: Fields) -> tuple[str | None, str]:
    return _conversation(row, "messages" if "messages" in row else "prompt")


_READERS: dict[Layout, Callable[[Fields], tuple[str | None, str]]] = {
    "auto": _auto,
    "plain": _plain,
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "messages": _messages,
}


def _conversation(row: Fields, key: str) -> tuple[str | None, str]:
    turns = row.get(key)
    if not isinstance(turns, list):
        raise _NoPrompt(f"no key `{key}`" if turns is None else f"`{key}` is neither a text nor a list of messages")
    system = _system_of(row)
    for turn in turns:
        role, content = _turn(turn, key)
        if role in _USER:
            return system, content
        if role != "system":
            raise _NoPrompt(f"`{key}` starts with a turn of '{role}', not of the user")
        system = content
    raise _NoPrompt(f"`{key}` has no turn of the user")


def _turn(turn: Any, key: str) -> tuple[str, str]:
    """Of {role, content} or {from, value}."""
    if not isinstance(turn, dict):
        raise _NoPrompt(f"a turn in `{key}` is not {{role, content}} or {{from, value}}")
    role = turn.get("role") or turn.get("from")
    content = turn.get("content") if turn.get("content") is not None else turn.get("value")
    if not isinstance(role, str) or content is None:
        raise _NoPrompt(f"a turn in `{key}` is not {{role, content}} or {{from, value}}")
    return role, content if isinstance(content, str) else _parts(content, key)


def _parts(content: Any, key: str) -> str:
    """Content in parts, if all of them are text."""
    parts = content if isinstance(content, list) else []
    told = [part.get("text") for part in parts if isinstance(part, dict)]
    texts = [text for text in told if isinstance(text, str)]
    if not texts or len(texts) < len(parts):
        raise _NoPrompt(f"a turn in `{key}` holds more than text")
    return "\n".join(texts)


def _system_of(row: Fields) -> str | None:
    system = row.get("system")
    if system is not None and not isinstance(system, str):
        raise _NoPrompt("`system` is not a text")
    return system
