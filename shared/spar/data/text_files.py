"""Opens text files, and reads JSON Lines row by row, in bounded memory. Knows nothing of what a row means.

Bytes that are invalid in the file's encoding become lone surrogates (`surrogateescape`), so that they invalidate their
row, not the file.
"""

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from spar.data.rows import NOT_TEXT, Fields, Reading, RejectKind, Unusable, not_text, shown
from spar.errors import DataError

LONGEST_ROW = 16 * 1024 * 1024
"""Characters of one row: a longer one is not a prompt, and must not fill the memory."""
_CHUNK = 1 << 16
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@contextmanager
def open_text(path: Path, encoding: str, newline: str) -> Iterator[TextIO]:
    """The file as text, decompressed if it is gzip. Raises DataError if it cannot be read, now or later."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            buffered = io.BufferedReader(file)
            encoding = _without_mark(path, encoding, buffered.peek(3)[:3])
            yield io.TextIOWrapper(buffered, encoding, errors="surrogateescape", newline=newline)
    except LookupError as error:
        raise DataError(f"Unknown encoding '{encoding}'.", "Name one such as utf-8, utf-16 or cp1252.") from error
    except (UnicodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "Check the file and --encoding.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error


def _without_mark(path: Path, encoding: str, head: bytes) -> str:
    """The encoding to decode with, given the file's byte order mark."""
    marked = _MARKS.get(head) or _MARKS.get(head[:2])
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if marked == "utf-16" and plain:
        raise DataError(f"{path} is not UTF-8: it starts with a byte order mark of UTF-16.", "Add --encoding utf-16.")
    return "utf-8-sig" if marked == "utf-8-sig" and plain else encoding


def read_json_lines(path: Path, encoding: str) -> Reading:
    """Reads one row per line; blank lines are skipped."""
    with open_text(path, encoding, "\n") as file:
        number = 0
        while line := file.readline(LONGEST_ROW):
            number += 1
            if not line.endswith("\n") and len(line) == LONGEST_ROW:
                while (rest := file.readline(_CHUNK)) and not rest.endswith("\n"):
                    pass
                yield number, _too_long(line)
            elif line.strip():
                yield number, parse_row(line)


def parse_row(line: str) -> Fields | Unusable:
    """One JSON line as fields, or Unusable with the reason."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        if not_text(line):
            return Unusable(kind=RejectKind.ENCODING, reason=NOT_TEXT, raw=shown(line))
        return Unusable(
            kind=RejectKind.BROKEN, reason=f"not JSON: {error.msg} at character {error.pos + 1}", raw=shown(line)
        )
    except RecursionError:
        return Unusable(kind=RejectKind.BROKEN, reason="not JSON that can be read: nested too deep", raw=shown(line))
    except ValueError as error:  # a number of more digits than Python converts
        return Unusable(kind=RejectKind.BROKEN, reason=f"not JSON that can be read: {error}", raw=shown(line))
    return fields_of(row)


def fields_of(row: Any) -> Fields | Unusable:
    """The row if it is a dictionary, otherwise Unusable."""
    if isinstance(row, dict):
        return row
    return Unusable(kind=RejectKind.BROKEN, reason="not a row of keys", raw=shown(json.dumps(row)))


def _too_long(line: str) -> Unusable:
    return Unusable(kind=RejectKind.BROKEN, reason=f"longer than {LONGEST_ROW:,} characters", raw=shown(line))
