"""Writes small source files, and reads what an import wrote."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spar.data.importing import Imported, import_prompts
from spar.data.settings import ImportSettings

POEM = "Write a poem about the sea in which no line has a comma and every line has a colour."
ENGINE = "Explain how a steam engine works to a child of six, without the word water."
RIVERS = "Name three rivers of Africa and the sea that each of them flows into."


def write_lines(path: Path, rows: Iterable[Any]) -> str:
    """Rows as JSON lines; bytes as they are."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def prompts_of(folder: Path, part: str = "self_play") -> list[str]:
    return [row["prompt"] for row in read_lines(folder / f"{part}.jsonl")]


def kinds_of(folder: Path) -> list[tuple[int, str]]:
    """(row, kind) of the rejects, in order of rows."""
    return sorted((row["row"], row["kind"]) for row in read_lines(folder / "rejects.jsonl"))


def imported(out: Path, sources: Sequence[str], **settings: Any) -> Imported:
    return import_prompts(list(sources), out, ImportSettings(**settings))
