"""Which keys and roles mean what. LLaMA-Factory says so in dataset_info.json; without it any usual name will do.

Source: the README of LLaMA-Factory's data folder (formatting, columns, tags and their defaults).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.errors import DataError

INFO = "dataset_info.json"


@dataclass(frozen=True, slots=True)
class Names:
    """For each meaning the names that stand for it, the first that a row has."""

    messages: tuple[str, ...] = ("messages", "conversations", "prompt")
    role: tuple[str, ...] = ("role", "from")
    content: tuple[str, ...] = ("content", "value")
    user: tuple[str, ...] = ("user", "human")
    assistant: tuple[str, ...] = ("assistant", "gpt")
    system: tuple[str, ...] = ("system",)
    instruction: tuple[str, ...] = ("instruction", "prompt")
    query: tuple[str, ...] = ("input",)
    response: tuple[str, ...] = ("output", "response")
    history: tuple[str, ...] = ("history",)
    system_text: tuple[str, ...] = ("system",)
    chosen: tuple[str, ...] = ("chosen",)
    rejected: tuple[str, ...] = ("rejected",)


ANY = Names()


def told_names(folder: Path) -> dict[str, Names]:
    """By file name, what the folder's dataset_info.json says; empty without one. Raises DataError if it is broken."""
    path = folder / INFO
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {entry["file_name"]: _names(entry) for entry in told.values() if entry.get("file_name")}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f"{path} is not as LLaMA-Factory writes it: {error}.",
            "Mend it, or move it away: then each row is looked at.",
        ) from error


def _names(entry: dict[str, Any]) -> Names:
    columns, tags = entry.get("columns", {}), entry.get("tags", {})
    sharegpt = entry.get("formatting", "alpaca") == "sharegpt"
    nothing: tuple[str, ...] = ()

    def column(name: str, default: str | None) -> tuple[str, ...]:
        said = columns.get(name, default)
        return (str(said),) if said else nothing

    return Names(
        messages=column("messages", "conversations") if sharegpt else nothing,
        role=(tags.get("role_tag", "from"),),
        content=(tags.get("content_tag", "value"),),
        user=(tags.get("user_tag", "human"),),
        assistant=(tags.get("assistant_tag", "gpt"),),
        system=(tags.get("system_tag", "system"),),
        instruction=nothing if sharegpt else column("prompt", "instruction"),
        query=nothing if sharegpt else column("query", "input"),
        response=nothing if sharegpt else column("response", "output"),
        history=nothing if sharegpt else column("history", None),
        system_text=column("system", None),
        chosen=column("chosen", "chosen") if entry.get("ranking") else nothing,
        rejected=column("rejected", "rejected") if entry.get("ranking") else nothing,
    )
