"""Reads a prompts file: JSONL of {"prompt": "..."} rows. Unusable rows are reported by line, never silently dropped.

A prompt is a text, or messages of which it is the first user turn; `spar.data` decides which rows are text, as in an
import. Knows nothing of recipes; a submit calls `usable_prompts`.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spar.data.file_forms import not_rows
from spar.data.layouts import LeftOut, RowPrompt, find_prompt
from spar.data.rows import Unusable
from spar.errors import DataError
from spar.texts import UNSTORABLE_NAMED, is_storable


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not used: its line number, from 1, and the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The usable prompts in the file's order, and every unusable row. Blank lines are neither."""

    prompts: list[str]
    rejects: list[Reject]
    left_out: dict[LeftOut, int] = field(default_factory=dict)
    """Prompts whose row has a part that was left out, by part."""

    @property
    def notes(self) -> tuple[str, ...]:
        cut = self.left_out.get(LeftOut.LATER_TURNS, 0)
        return (f"{cut:,} prompts are conversations: only the first user turn is used",) if cut else ()


def read_prompts(path: Path) -> PromptFile:
    """Read the file as a stream. Raises DataError if it cannot be read at all."""
    prompts: dict[str, int] = {}  # text -> line
    rejects: list[Reject] = []
    left_out: Counter[LeftOut] = Counter()
    for line, raw in _lines(path):
        found = _prompt_of(raw)
        if isinstance(found, _Unusable):
            rejects.append(Reject(line, found.reason))
        elif found.text in prompts:
            rejects.append(Reject(line, f"the same prompt as in line {prompts[found.text]}"))
        else:
            prompts[found.text] = line
            left_out.update(found.left_out)
    return PromptFile(list(prompts), rejects, dict(left_out))


def usable_prompts(path: Path, needed: int) -> PromptFile:
    """The file's prompts, if there are as many as a run needs. Otherwise raises DataError, naming rejects."""
    found = read_prompts(path)
    if len(found.prompts) >= needed:
        return found
    examples = "; ".join(f"line {reject.line}: {reject.reason}" for reject in found.rejects[:3])
    rejected = f", {len(found.rejects)} rows were not usable ({examples})" if found.rejects else ""
    if not found.prompts:
        raise DataError(f"{path} holds no usable prompt{rejected}.", _how_to_write(path))
    raise DataError(
        f"{path} holds {len(found.prompts)} usable prompts; the recipe needs {needed}{rejected}.",
        "Lower prompts.per_iteration or iterations, or add prompts.",
    )


def _how_to_write(path: Path) -> str:
    """The fix; for files of other formats, the import that converts them."""
    other = path.suffix not in (".jsonl", ".ndjson") or not_rows(path, "utf-8") is not None
    rows = 'Write one {"prompt": "..."} row per line'
    return f"{rows}, or import it: spar prompts import {shlex.quote(str(path))} --out prompts" if other else f"{rows}."


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


def _prompt_of(raw: bytes) -> RowPrompt | _Unusable:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _Unusable(f"not UTF-8 (byte {error.start + 1} of the line)")
    except json.JSONDecodeError as error:
        return _Unusable(f"not JSON: {error.msg} at character {error.pos + 1}")
    except RecursionError:
        return _Unusable("not JSON that can be read: nested too deep")
    except ValueError as error:  # a number of more digits than Python converts
        return _Unusable(f"not JSON that can be read: {error}")
    if not isinstance(row, dict):
        return _Unusable('not a row of keys: write {"prompt": "..."}')
    found = find_prompt(row, "auto", "prompt")
    if isinstance(found, Unusable):
        return _Unusable(found.reason)
    if not is_storable(found.text):
        return _Unusable(f"`prompt` holds {UNSTORABLE_NAMED}")
    return found if found.text.strip() else _Unusable("`prompt` is empty")
