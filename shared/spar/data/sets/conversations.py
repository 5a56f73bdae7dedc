"""All turns of a row, from messages, a prompt with its completion, or Alpaca's columns."""

from collections.abc import Sequence
from typing import Any

from spar.data.rows import Fields, RejectKind
from spar.data.sets.names import Names
from spar.data.text_rows import RowRefused
from spar.data.turns import Role, RowTurn, looks_like_turns, turns_of


def conversation_turns(row: Fields, names: Names) -> list[RowTurn]:
    """All turns including the response. Raises RowRefused for a row without turns."""
    turns = prompt_turns(row, names)
    key, response = first_of(row, names.response)
    if not _has_messages(row, names) and response is None:
        raise RowRefused(RejectKind.LAYOUT, f"no response: none of the keys {', '.join(names.response)}")
    if response is None or (turns and turns[-1].role is Role.ASSISTANT):
        checked = turns
    elif looks_like_turns(response):
        checked = [*turns, *turns_of(response, key, names.turn)]
    else:
        checked = [*turns, RowTurn(Role.ASSISTANT, "assistant", response)]
    for turn in checked:
        check_role(turn)
    return checked


def prompt_turns(row: Fields, names: Names) -> list[RowTurn]:
    """The turns without a response that is in a separate column."""
    _, system = first_of(row, names.system_text)
    before = [RowTurn(Role.SYSTEM, "system", system)] if isinstance(system, str) and system.strip() else []
    key, messages = first_of(row, names.messages)
    if messages is not None:
        return [*before, *turns_of(messages, key, names.turn)]
    key, instruction = first_of(row, names.instruction)
    if looks_like_turns(instruction):
        return [*before, *turns_of(instruction, key, names.turn)]
    return [*before, *_alpaca(row, names, instruction)]


def check_role(turn: RowTurn) -> None:
    """Raises RowRefused for a turn of a tool, and for an unknown role."""
    if turn.role is None:
        raise RowRefused(RejectKind.LAYOUT, f"a turn has the role {turn.called!r}")
    if turn.role is Role.TOOL:
        raise RowRefused(RejectKind.TOOLS, f"a turn has the role {turn.called!r}: a tool takes part in it")
    if turn.calls_tools:
        turn.text()
        raise RowRefused(RejectKind.TOOLS, f"a turn of the {turn.called} calls a tool")


def first_of(row: Fields, keys: Sequence[str]) -> tuple[str, Any]:
    """The first of the keys that the row has, and its value; None if it has none."""
    return next(((key, row[key]) for key in keys if row.get(key) is not None), ("", None))


def _has_messages(row: Fields, names: Names) -> bool:
    return first_of(row, names.messages)[1] is not None or looks_like_turns(first_of(row, names.instruction)[1])


def _alpaca(row: Fields, names: Names, instruction: Any) -> list[RowTurn]:
    if instruction is None:
        looked = ", ".join((*names.messages, *names.instruction))
        raise RowRefused(RejectKind.LAYOUT, f"no messages and no prompt: none of the keys {looked}")
    if not isinstance(instruction, str):
        raise RowRefused(RejectKind.LAYOUT, "its prompt is not a text")
    _, query = first_of(row, names.query)
    prompt = f"{instruction}\n{query}" if isinstance(query, str) and query.strip() else instruction
    _, history = first_of(row, names.history)
    if not isinstance(history or [], list) or not all(isinstance(one, list) and len(one) == 2 for one in history or []):
        raise RowRefused(RejectKind.LAYOUT, "its history is not a list of [user, assistant]")
    roles = (Role.USER, Role.ASSISTANT)
    earlier = [RowTurn(role, role.value, text) for one in history or [] for role, text in zip(roles, one, strict=True)]
    return [*earlier, RowTurn(Role.USER, "user", prompt)]
