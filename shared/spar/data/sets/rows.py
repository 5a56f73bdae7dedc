"""Reads one row as a conversation to train on, or as a pair; or says why it is neither. Knows nothing of files.

A conversation alternates between user and assistant, and ends with the assistant. Pairs are read by `pair_rows`.
"""

from dataclasses import dataclass

from spar.data.rows import Fields, RejectKind, Unusable, shown, storable
from spar.data.sets.conversations import conversation_turns
from spar.data.sets.names import Names
from spar.data.sets.pair_rows import has_sides, read_pair
from spar.data.text_rows import (
    TEXT_ONLY,
    RowRefused,
    TextRules,
    check_columns,
    check_desired,
    check_placeholders,
    check_weight,
)
from spar.data.turns import Role, RowTurn, flat_row
from spar.method.records import Message, Pair


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: tuple[Message, ...]


def read_row(row: Fields, names: Names, rules: TextRules = TEXT_ONLY) -> Conversation | Pair | Unusable:
    row = flat_row(row)
    try:
        check_columns(row, rules, names.columns)
        check_weight(row)
        found = read_pair(row, names) if has_sides(row, names) else _read_conversation(row, names)
        for text in _prompt_texts(found):
            check_placeholders(text, rules)
        return _unusable(found) or found
    except RowRefused as error:
        return Unusable(kind=error.kind, reason=error.reason, raw=shown(str(row)))


def _read_conversation(row: Fields, names: Names) -> Conversation:
    check_desired(row, names.columns)
    return _conversation(conversation_turns(row, names))


def _conversation(turns: list[RowTurn]) -> Conversation:
    roles = [turn.role for turn in turns]
    spoken = roles[1:] if roles[:1] == [Role.SYSTEM] else roles
    if not spoken or spoken != [Role.USER, Role.ASSISTANT] * (len(spoken) // 2):
        called = ", ".join(turn.called for turn in turns) or "none"
        raise RowRefused(
            RejectKind.LAYOUT,
            f"its turns do not alternate between user and assistant, ending with the assistant: {called}",
        )
    unlearned = next((turn for turn in turns if turn.role is Role.ASSISTANT and turn.unlearned), None)
    if unlearned is not None:
        reason = f"a turn of the {unlearned.called} is excluded from training ({unlearned.unlearned})"
        raise RowRefused(RejectKind.NOT_LEARNED, f"{reason}, but every turn of the assistant would be trained on")
    return Conversation(tuple(turn.message() for turn in turns))


def _prompt_texts(found: Conversation | Pair) -> list[str]:
    if isinstance(found, Pair):
        return [found.prompt.text]
    return [message.content for message in found.messages if message.role != Role.ASSISTANT]


def _unusable(found: Conversation | Pair) -> Unusable | None:
    texts = (
        [found.prompt.text, found.chosen, found.rejected]
        if isinstance(found, Pair)
        else [message.content for message in found.messages]
    )
    why = next((why for text in texts if (why := storable(text)) is not None), None)
    if why is not None:
        return Unusable(kind=why.kind, reason=why.reason.replace("the prompt is empty", "a text is empty"), raw=why.raw)
    if isinstance(found, Pair) and found.chosen.strip() == found.rejected.strip():
        return Unusable(kind=RejectKind.UNUSABLE, reason="chosen and rejected are the same", raw=shown(found.chosen))
    return None
