"""Reads a preference row as a pair: one prompt of one user turn, and two responses to it.

`chosen` and `rejected` are responses (texts, or one message each), or whole conversations as in UltraFeedback and
distilabel. If the turns before the last are the same in both conversations, they are the prompt: TRL's implicit prompt,
here of one turn.
"""

import re
from collections.abc import Sequence
from typing import Any

from spar.data.rows import Fields, RejectKind
from spar.data.sets.conversations import check_role, first_of, prompt_turns
from spar.data.sets.names import Names
from spar.data.text_rows import RowRefused
from spar.data.turns import Role, RowTurn, looks_like_turns, text_of, turns_of
from spar.method.records import Message, Pair, Prompt

_DIALOGUE = re.compile(r"\s*(?:Human|User|H)\s*:.*\n\s*(?:Assistant|A)\s*:", re.DOTALL)


def has_sides(row: Fields, names: Names) -> bool:
    return any(first_of(row, keys)[1] is not None for keys in (names.chosen, names.rejected))


def read_pair(row: Fields, names: Names) -> Pair:
    """Raises RowRefused for a row that is not a pair with one prompt."""
    turns = _prompt(row, names)
    key, value = first_of(row, names.chosen)
    if (
        value is None and len(turns) > 1 and turns[-1].role is Role.ASSISTANT
    ):  # ms-swift: the chosen one ends `messages`
        chosen, turns = turns[-1:], turns[:-1]
    else:
        chosen = _side(key or names.chosen[0], value, names)
    key, value = first_of(row, names.rejected)
    rejected = _side(key or names.rejected[0], value, names)
    context = _common(chosen, rejected)
    prompt = _agreed(turns, context) if context else turns
    return Pair(prompt=_single(prompt, row, names), chosen=chosen[-1].text(), rejected=rejected[-1].text())


def _prompt(row: Fields, names: Names) -> list[RowTurn]:
    """The prompt's turns in the row's own columns; none where the sides hold them."""
    columns = dict(row)
    if first_of(row, names.instruction)[1] is not None and first_of(row, names.chosen)[1] is not None:
        columns.update(dict.fromkeys(names.messages))  # `messages` beside `prompt` is the chosen conversation
    given = first_of(columns, (*names.messages, *names.instruction))[1] is not None
    return prompt_turns(columns, names) if given else []


def _side(key: str, value: Any, names: Names) -> list[RowTurn]:
    """The turns of one side; the last is the assistant's."""
    if value is None:
        raise RowRefused(RejectKind.LAYOUT, f"no {key}")
    if not looks_like_turns(value):
        return [RowTurn(Role.ASSISTANT, "assistant", text_of(value, key))]
    turns = turns_of(value, key, names.turn)
    for turn in turns:
        check_role(turn)
    if not turns or turns[-1].role is not Role.ASSISTANT:
        raise RowRefused(RejectKind.LAYOUT, f"{key} does not end with a turn of the assistant")
    return turns


def _common(chosen: list[RowTurn], rejected: list[RowTurn]) -> list[Message]:
    """The turns before the last, which must be the same on both sides."""
    before = [[turn.message() for turn in side[:-1]] for side in (chosen, rejected)]
    if before[0] != before[1]:
        sizes = f"{len(chosen)} and {len(rejected)} turns"
        raise RowRefused(
            RejectKind.LAYOUT, f"chosen and rejected ({sizes}) differ before their last turn: they answer other prompts"
        )
    return before[0]


def _agreed(turns: list[RowTurn], context: list[Message]) -> list[RowTurn]:
    """The sides' context, unless the row's prompt contradicts it."""
    given = [turn.text().strip() for turn in turns if turn.role is not Role.SYSTEM]
    held = [message.content.strip() for message in context if message.role != Role.SYSTEM]
    if given and given != held and given != held[-1:] and given != held[:1]:
        raise RowRefused(RejectKind.LAYOUT, "its prompt is not the one that chosen and rejected start with")
    if any(turn.role is Role.SYSTEM for turn in turns) and not any(one.role == Role.SYSTEM for one in context):
        return [*(turn for turn in turns if turn.role is Role.SYSTEM), *_turns(context)]
    return _turns(context)


def _turns(messages: Sequence[Message]) -> list[RowTurn]:
    return [RowTurn(Role(message.role), message.role, message.content) for message in messages]


def _single(turns: list[RowTurn], row: Fields, names: Names) -> Prompt:
    """A pair's prompt, which must be a single user turn."""
    if not turns:
        texts = [first_of(row, keys)[1] for keys in (names.chosen, names.rejected)]
        dialogue = all(isinstance(text, str) and _DIALOGUE.match(text) for text in texts)
        where = ": chosen and rejected are dialogues in one text each; write them as messages" if dialogue else ""
        raise RowRefused(RejectKind.LAYOUT, f"no prompt{where or ', and chosen and rejected do not hold it'}")
    for turn in turns:
        check_role(turn)
    if [turn.role for turn in turns] == [Role.USER]:
        return Prompt.of(turns[0].text())
    if turns[0].role is Role.SYSTEM:
        raise RowRefused(RejectKind.SYSTEM, "a pair's prompt is one turn of the user, and here is a system message")
    called = ", ".join(turn.called for turn in turns)
    raise RowRefused(RejectKind.LAYOUT, f"a pair's prompt is one turn of the user, and here are {len(turns)}: {called}")
