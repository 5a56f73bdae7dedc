"""A file to which a command appends rows as they are completed, so that stopping it loses nothing. Knows no command.

When the command resumes, a last line that was truncated by a kill is removed.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from spar.errors import DataError


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of the file, none if it does not exist. Raises DataError for a line that is not a row with a prompt."""
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
                    f"{path}, line {number} was not written by this command ({error}).", "Write to another file."
                ) from error
            yield row


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append in one write. Raises OSError on disk errors."""
    with path.open("ab") as file:
        file.write(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows))


def _cut_torn(file: BinaryIO) -> None:
    """Truncate an incomplete last row: one without a newline at its end."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
    file.seek(0)
