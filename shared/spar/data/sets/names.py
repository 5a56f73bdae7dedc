"""Which keys and roles mean what: as declared in LLaMA-Factory's dataset_info.json, otherwise any usual name.

Source: the README of LLaMA-Factory's data folder (formatting, columns, tags and their defaults).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.data.text_rows import LABELS, MEDIA, TOOLS, USUAL, Columns
from spar.data.turns import SYSTEM_KEYS, TOOL_ROLES, USUAL_NAMES, Role, TurnNames
from spar.errors import DataError

INFO = "dataset_info.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The possible names for each meaning; the first that a row has counts."""

    messages: tuple[str, ...] = ("messages", "conversations", "conversation")
    turn: TurnNames = USUAL_NAMES
    instruction: tuple[str, ...] = ("instruction", "prompt", "question")
    query: tuple[str, ...] = ("input",)
    response: tuple[str, ...] = ("output", "response", "completion")
    history: tuple[str, ...] = ("history",)
    system_text: tuple[str, ...] = SYSTEM_KEYS
    chosen: tuple[str, ...] = ("chosen", "preferred_output")
    rejected: tuple[str, ...] = ("rejected", "non_preferred_output", "rejected_response")
    columns: Columns = USUAL


ANY = Names()


def declared_names(folder: Path) -> dict[str, Names]:
    """The folder's dataset_info.json by file name; empty without one. Raises DataError if it is invalid."""
    path = folder / INFO
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {entry["file_name"]: _names(entry) for entry in entries.values() if entry.get("file_name")}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f"{path} is not a valid dataset_info.json of LLaMA-Factory: {error}.",
            "Correct it, or move it away: then the keys of each row decide.",
        ) from error


def _names(entry: dict[str, Any]) -> Names:
    columns, tags = entry.get("columns", {}), entry.get("tags", {})
    sharegpt = entry.get("formatting", "alpaca") == "sharegpt"
    nothing: tuple[str, ...] = ()

    def column(name: str, default: str | None) -> tuple[str, ...]:
        declared = columns.get(name, default)
        return (str(declared),) if declared else nothing

    return Names(
        messages=column("messages", "conversations") if sharegpt else nothing,
        turn=_turn_names(tags),
        instruction=nothing if sharegpt else column("prompt", "instruction"),
        query=nothing if sharegpt else column("query", "input"),
        response=nothing if sharegpt else column("response", "output"),
        history=nothing if sharegpt else column("history", None),
        system_text=column("system", None),
        chosen=column("chosen", "chosen") if entry.get("ranking") else nothing,
        rejected=column("rejected", "rejected") if entry.get("ranking") else nothing,
        columns=Columns(
            media=(*MEDIA, *(str(columns[name]) for name in ("images", "videos", "audios") if columns.get(name))),
            tools=(*TOOLS, *column("tools", None)),
            labels=(*LABELS, *column("kto_tag", None)),
        ),
    )


def _turn_names(tags: dict[str, Any]) -> TurnNames:
    roles = {
        **TOOL_ROLES,
        str(tags.get("function_tag", "function_call")): Role.TOOL,
        str(tags.get("observation_tag", "observation")): Role.TOOL,
        str(tags.get("system_tag", "system")): Role.SYSTEM,
        str(tags.get("assistant_tag", "gpt")): Role.ASSISTANT,
        str(tags.get("user_tag", "human")): Role.USER,
    }
    return TurnNames(role=(tags.get("role_tag", "from"),), content=(tags.get("content_tag", "value"),), roles=roles)
