"""The file that `spar prompts checkers` writes: a row a prompt as it is done, so that any stop loses nothing.

A kept prompt's row is what a recipe's prompts file takes: {"prompt", "checkers"}. The others go to a file beside it,
with the reason. Knows nothing of how checkers are made.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from spar.errors import DataError
from spar.runtime.checker_writing import Checked, CheckerOutcome


@dataclass
class CheckerFile:
    """Opened by one process; `done` are the prompts of earlier calls, `ends` counts those of all."""

    kept: Path
    dropped: Path
    done: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)

    @classmethod
    def open(cls, path: Path) -> "CheckerFile":
        """Read what is there. A last line that a kill cut in two is taken off, and its prompt done again."""
        opened = cls(path, path.with_name(f"{path.stem}.dropped.jsonl"))
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (opened.kept, opened.dropped):
            for row in _rows(file):
                opened.done.add(str(row["prompt"]))
                opened.ends[str(row.get("reason", Checked.KEPT))] += 1
        return opened

    def add(self, prompt: str, outcome: CheckerOutcome) -> None:
        """Raises OSError when the disk does."""
        kept = outcome.end is Checked.KEPT
        row = {"prompt": prompt, **({"checkers": outcome.sources} if kept else {"reason": outcome.end})}
        with (self.kept if kept else self.dropped).open("ab") as file:
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self.done.add(prompt)
        self.ends[outcome.end.value] += 1


def _rows(path: Path) -> Iterator[dict[str, object]]:
    if not path.exists():
        return
    with path.open("r+b") as file:
        _cut_torn(file)
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                row["prompt"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{path}, line {number} is no row of this command ({error}).", "Write to another file."
                ) from error
            yield row


def _cut_torn(file: BinaryIO) -> None:
    """Without a newline at its end the file ends in half a row."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
    file.seek(0)
