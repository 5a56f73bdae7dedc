"""Reads the prompts of evaluation sets for decontamination: files, or folders of files. A row without a prompt is an
error here: an evaluation set that is read in part would let its other part through."""

from collections.abc import Iterator
from pathlib import Path

from spar.data.layouts import PromptRules, find_prompt
from spar.data.rows import Unusable
from spar.data.sources import Options, read_source
from spar.data.text_rows import TextRules
from spar.errors import DataError

_ANY_ROW = PromptRules(system="ignore", text=TextRules(tools="ignore", media="ignore"))
"""The text of a prompt is what must not be trained on, whatever else its row holds."""
_SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")


def evaluation_files(names: tuple[str, ...]) -> list[str]:
    """The files that the names mean, folders searched. Raises DataError where there is none."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        inside = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES) if path.is_dir() else [path]
        if not inside or not all(file.is_file() for file in inside):
            raise DataError(f"There is no evaluation set {name}.", f"Name a file or folder of {', '.join(_SUFFIXES)}.")
        found += [str(file) for file in inside]
    return found


def evaluation_prompts(files: list[str]) -> Iterator[tuple[str, str]]:
    """(file:row, text) of every prompt; a row's empty prompt is none."""
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
