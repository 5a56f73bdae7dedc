"""Reads a prompts file: JSONL of {"prompt": "..."} rows. What is not usable is told by line, never dropped.

Knows nothing of recipes; `usable_prompts` is what a submit calls.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not used: its line number, from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The usable prompts in the file's order, and every row that is not one. Blank lines are neither."""

    prompts: list[str]
    rejects: list[Reject]


def read_prompts(path: Path) -> PromptFile:
    """Read the file as a stream. Raises DataError if it cannot be read at all."""
    prompts: dict[str, int] = {}  # text -> line
    rejects: list[Reject] = []
    for line, raw in _lines(path):
        text = _prompt_of(raw)
        if isinstance(text, _Unusable):
            rejects.append(Reject(line, text.reason))
        elif text in prompts:
            rejects.append(Reject(line, f"the same prompt as in line {prompts[text]}"))
        else:
            prompts[text] = line
    return PromptFile(list(prompts), rejects)


def usable_prompts(path: Path, needed: int) -> PromptFile:
    """The file's prompts, if there are as many as a run needs; else a DataError that names rejects."""
    found = read_prompts(path)
    if len(found.prompts) >= needed:
        return found
    told = "; ".join(f"line {reject.line}: {reject.reason}" for reject in found.rejects[:3])
    rejected = f", {len(found.rejects)} rows were not usable ({told})" if found.rejects else ""
    if not found.prompts:
        fix = 'Write one {"prompt": "..."} row a line.'
        raise DataError(f"{path} holds no usable prompt{rejected}.", fix)
    raise DataError(
        f"{path} holds {len(found.prompts)} usable prompts, and the recipe asks for {needed}{rejected}.",
        "Lower prompts.per_iteration or iterations, or add prompts.",
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for line, raw in enumerate(file, start=1):
                raw = raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw
                if raw.strip():
                    yield line, raw
    except OSError as error:
        raise DataError(
            f"The prompts file {path} cannot be read: {error.strerror}.", "Check prompts.source."
        ) from error


@dataclass(frozen=True, slots=True)
class _Unusable:
    reason: str


def _prompt_of(raw: bytes) -> str | _Unusable:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _Unusable(f"not UTF-8 (byte {error.start + 1} of the line)")
    except json.JSONDecodeError as error:
        return _Unusable(f"not JSON: {error.msg} at character {error.pos + 1}")
    except RecursionError:
        return _Unusable("not JSON that can be read: nested too deep")
    if not isinstance(row, dict):
        return _Unusable('not a row of keys: write {"prompt": "..."}')
    if "prompt" not in row:
        return _Unusable("no key `prompt`")
    if not isinstance(row["prompt"], str):
        return _Unusable("`prompt` is not a text")
    if "\x00" in row["prompt"] or _has_lone_surrogate(row["prompt"]):
        return _Unusable("`prompt` holds a character that cannot be stored (NUL or half a surrogate pair)")
    return row["prompt"] if row["prompt"].strip() else _Unusable("`prompt` is empty")


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
