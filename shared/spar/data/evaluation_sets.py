"""Reads the prompts of evaluation sets for decontamination: files, or folders of files. A row without a prompt is an
error here, since decontamination against a part of an evaluation set would miss the rest."""

from collections.abc import Iterator
from pathlib import Path

from spar.data.layouts import PromptRules, find_prompt
from spar.data.rows import Unusable
from spar.data.sources import Options, read_source
from spar.data.text_rows import TextRules
from spar.errors import DataError

_ANY_ROW = PromptRules(system="ignore", text=TextRules(tools="ignore", media="ignore"))
"""The text of a prompt must not be trained on, whatever else its row holds."""
_SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")


def evaluation_files(names: tuple[str, ...]) -> list[str]:
    """The named files, and those in named folders. Raises DataError if there are none."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        inside = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES) if path.is_dir() else [path]
        if not inside or not all(file.is_file() for file in inside):
            raise DataError(
                f"The evaluation set {name} does not exist.", f"Name a file or folder of {', '.join(_SUFFIXES)}."
            )
        found += [str(file) for file in inside]
    return found


def evaluation_prompts(files: list[str]) -> Iterator[tuple[str, str]]:
    """(file:row, text) of every prompt; empty prompts are skipped."""
    for name in files:
        for row, fields in read_source(name, Options()):
            found = fields if isinstance(fields, Unusable) else find_prompt(fields, "auto", rules=_ANY_ROW)
            if isinstance(found, Unusable):
                raise DataError(
                    f"Row {row} of the evaluation set {name} cannot be read: {found.reason}.",
                    "Correct the row, or leave this file out.",
                )
            if found.text.strip():
                yield f"{name}:{row}", found.text
