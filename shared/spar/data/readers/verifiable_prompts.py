"""Reads prompts with instructions that a program can verify, in IFEval's names, for the audit of a refiner's judging.

    {"prompt": "...", "instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"num_words": 50, ...}]}

A prompts file may hold such rows among others. Reads only the structure; the checkers know which instructions exist.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.errors import DataError


@dataclass(frozen=True, slots=True)
class RuledPrompt:
    """A prompt, its instructions by name, and the arguments of each."""

    prompt: str
    instructions: tuple[str, ...]
    arguments: tuple[dict[str, Any], ...]


def read_ruled_prompts(path: Path) -> list[RuledPrompt]:
    """The rows with instructions; others are ignored. Raises DataError."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check judge_audit.rules.") from error
    found = [_ruled(path, number, raw) for number, raw in enumerate(lines, start=1) if b"instruction_id_list" in raw]
    if not found:
        raise DataError(
            f"No row of {path} has an `instruction_id_list`: the audit of the refiner's judging needs such rows.",
            "Name a file of such rows as judge_audit.rules (docs/judge-audit.md), or delete the section judge_audit.",
        )
    return found


def _ruled(path: Path, number: int, raw: bytes) -> RuledPrompt:
    try:
        row = json.loads(raw)
        names, given = row["instruction_id_list"], row["kwargs"]
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("instruction_id_list holds no names")
        pairs = list(zip(names, given, strict=True))
        # IFEval's file names every argument in every row; those that do not apply are null.
        arguments = tuple({key: value for key, value in each.items() if value is not None} for _, each in pairs)
        return RuledPrompt(str(row["prompt"]), tuple(names), arguments)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} line {number} cannot be checked ({error}).",
            "Write as many kwargs as names in instruction_id_list, as in IFEval's input_data.jsonl.",
        ) from error
