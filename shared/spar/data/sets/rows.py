"""One row as a conversation to learn from, or as a pair; or why it is neither. Knows nothing of files.

A conversation goes from the user to the assistant, turn by turn, and ends with the assistant. A pair's prompt is one
user turn, as everywhere in this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spar.data.rows import Fields, RejectKind, Unusable, shown, storable
from spar.data.sets.names import Names
from spar.method.records import Message, Pair, Prompt


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: tuple[Message, ...]


class _NoRow(Exception):
    """Why; caught by `read_row`."""


def read_row(row: Fields, names: Names) -> Conversation | Pair | Unusable:
    try:
        chosen, rejected = _first(row, names.chosen), _first(row, names.rejected)
        if chosen is None and rejected is None:
            found: Conversation | Pair = Conversation(_whole(_turns(row, names)))
        else:
            found = _pair(_turns(row, names, with_response=False), _side(chosen, names), _side(rejected, names))
    except _NoRow as error:
        return Unusable(RejectKind.LAYOUT, str(error), shown(str(row)))
    return _unusable(found) or found


def _pair(prompt: Sequence[Message], chosen: str, rejected: str) -> Pair:
    if [turn.role for turn in prompt] != ["user"]:
        raise _NoRow("a pair's prompt is one turn of the user, and here it is more, or none")
    return Pair(Prompt.of(prompt[0].content), chosen, rejected)


def _unusable(found: Conversation | Pair) -> Unusable | None:
    texts = (
        [found.prompt.text, found.chosen, found.rejected]
        if isinstance(found, Pair)
        else [message.content for message in found.messages]
    )
    why = next((why for text in texts if (why := storable(text)) is not None), None)
    if why is not None:
        return Unusable(why.kind, why.reason.replace("the prompt is empty", "a text is empty"), why.raw)
    if isinstance(found, Pair) and found.chosen.strip() == found.rejected.strip():
        return Unusable(RejectKind.UNUSABLE, "chosen and rejected are the same", shown(found.chosen))
    return None


def _turns(row: Fields, names: Names, with_response: bool = True) -> list[Message]:
    """All turns of a row; without the response for a pair, where Alpaca's has none of its own."""
    turns = _first(row, names.messages)
    system = _first(row, names.system_text)
    before = [Message("system", system)] if isinstance(system, str) and system.strip() else []
    if isinstance(turns, list):
        return [*before, *(_message(turn, names) for turn in turns)]
    return [*before, *_alpaca(row, names, with_response)]


def _alpaca(row: Fields, names: Names, with_response: bool) -> list[Message]:
    instruction = _text(_first(row, names.instruction), "prompt")
    query = _first(row, names.query)
    asked = f"{instruction}\n{query}" if isinstance(query, str) and query.strip() else instruction
    history = _first(row, names.history) or []
    if not isinstance(history, list) or not all(isinstance(each, list) and len(each) == 2 for each in history):
        raise _NoRow("its history is no list of [user, assistant]")
    turns = [
        Message(role, _text(text, "history"))
        for exchange in history
        for role, text in zip(("user", "assistant"), exchange, strict=True)
    ]
    turns.append(Message("user", asked))
    if with_response:
        turns.append(Message("assistant", _text(_first(row, names.response), "response")))
    return turns


def _message(turn: Any, names: Names) -> Message:
    if not isinstance(turn, dict):
        raise _NoRow("a turn is no {role, content}")
    said = _first(turn, names.role)
    roles = {"user": names.user, "assistant": names.assistant, "system": names.system}
    role = next((role for role, known in roles.items() if said in known), None)
    if role is None:
        raise _NoRow(f"a turn has the role {said!r}")
    return Message(role, _text(_first(turn, names.content), "a turn"))


def _side(value: Any, names: Names) -> str:
    """One side of a pair: a text, a message, or a list of one message."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return _text(value, "chosen or rejected")
    message = _message(value, names)
    if message.role != "assistant":
        raise _NoRow("chosen or rejected is no turn of the assistant")
    return message.content


def _whole(turns: list[Message]) -> tuple[Message, ...]:
    roles = [turn.role for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or spoken != ["user", "assistant"] * (len(spoken) // 2):
        raise _NoRow(f"its turns do not go from user to assistant, turn by turn: {', '.join(roles) or 'none'}")
    return tuple(turns)


def _first(row: Fields, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _NoRow(f"no {what}" if value is None else f"{what} is not a text")
    return value
