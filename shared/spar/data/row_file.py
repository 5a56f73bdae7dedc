"""A file that a command appends rows to as they are done, so that any stop loses nothing. Knows no command.

Read again by the same command, a last line that a kill cut in two is taken off.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from spar.errors import DataError


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows that are there, none if there is no file. Raises DataError for a line that is no row with a prompt."""
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


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """In one write. Raises OSError when the disk does."""
    with path.open("ab") as file:
        file.write(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows))


def _cut_torn(file: BinaryIO) -> None:
    """Without a newline at its end the file ends in half a row."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
    file.seek(0)
