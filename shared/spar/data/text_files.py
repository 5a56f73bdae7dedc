"""Reads JSON lines, JSON arrays and CSV row by row, in bounded memory. Knows nothing of what a row means.

Bytes that are no text in the file's encoding become lone surrogates (`surrogateescape`), so that they cost the row
that holds them and not the file.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from spar.data.rows import NOT_TEXT, Fields, Reading, RejectKind, Unusable, not_text, shown
from spar.errors import DataError

LONGEST_ROW = 16 * 1024 * 1024
"""Characters of one row: a longer one is no prompt, and must not fill the memory."""
_CHUNK = 1 << 16
_BLANKS = re.compile(r"[ \t\n\r]*")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@contextmanager
def open_text(path: Path, encoding: str, newline: str) -> Iterator[TextIO]:
    """The file as text, unpacked if it is gzip. Raises DataError if it cannot be read, then or later."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            buffered = io.BufferedReader(file)
            encoding = _without_mark(path, encoding, buffered.peek(3)[:3])
            yield io.TextIOWrapper(buffered, encoding, errors="surrogateescape", newline=newline)
    except LookupError as error:
        raise DataError(f"There is no encoding '{encoding}'.", "Name one such as utf-8, utf-16 or cp1252.") from error
    except (UnicodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "Check the file and --encoding.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error


def _without_mark(path: Path, encoding: str, head: bytes) -> str:
    """Encodings that a byte order mark tells."""
    told = _MARKS.get(head) or _MARKS.get(head[:2])
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if told == "utf-16" and plain:
        raise DataError(f"{path} is not UTF-8: it starts as UTF-16 does.", "Add --encoding utf-16.")
    return "utf-8-sig" if told == "utf-8-sig" and plain else encoding


def read_json_lines(path: Path, encoding: str) -> Reading:
    """One row a line; blank lines are no rows."""
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
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        if not_text(line):
            return Unusable(RejectKind.ENCODING, NOT_TEXT, shown(line))
        return Unusable(RejectKind.BROKEN, f"not JSON: {error.msg} at character {error.pos + 1}", shown(line))
    except RecursionError:
        return Unusable(RejectKind.BROKEN, "not JSON that can be read: nested too deep", shown(line))
    except ValueError as error:  # a number of more digits than Python converts
        return Unusable(RejectKind.BROKEN, f"not JSON that can be read: {error}", shown(line))
    return _fields(row)


def _fields(row: Any) -> Fields | Unusable:
    if isinstance(row, dict):
        return row
    return Unusable(RejectKind.BROKEN, "not a row of keys", shown(json.dumps(row)))


def _too_long(line: str) -> Unusable:
    return Unusable(RejectKind.BROKEN, f"longer than {LONGEST_ROW:,} characters", shown(line))


def read_json_array(path: Path, encoding: str) -> Reading:
    """The elements of one array, counted from 1. Raises DataError where it breaks: what follows is lost."""
    with open_text(path, encoding, "\n") as file:
        array = _Array(path, file)
        array.skip("[")
        number = 0
        while array.more():
            number += 1
            if number > 1:
                array.skip(",")
            yield number, _fields(array.value(number))
        array.skip("]")


class _Array:
    """A window over the text of an array: holds one element and a chunk."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode

    def _fill(self) -> bool:
        chunk = self._file.read(max(_CHUNK, len(self._text) - self._at))  # doubling: a long element costs no square
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _peek(self) -> str:
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            assert blanks is not None  # it matches nothing too
            self._at = blanks.end()
            if self._at < len(self._text) or not self._fill():
                return self._text[self._at : self._at + 1]

    def more(self) -> bool:
        return self._peek() not in ("]", "")

    def skip(self, mark: str) -> None:
        if self._peek() != mark:
            found = repr(self._peek()) if self._peek() else "its end"
            raise self._broken(f"{found} where '{mark}' belongs")
        self._at += 1

    def value(self, number: int) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text):  # a number at the window's end may go on
                    self._at = end
                    return value
                problem = "it ends inside a row"
            except json.JSONDecodeError as error:
                problem = error.msg
            except (RecursionError, ValueError) as error:
                raise self._broken(f"row {number} cannot be read: {error}") from error
            if len(self._text) - self._at > LONGEST_ROW or not self._fill():
                raise self._broken(f"row {number}: {problem}")

    def _broken(self, problem: str) -> DataError:
        return DataError(
            f"{self._path} is no whole JSON array: {problem}.",
            "Repair it, or write one row a line (.jsonl): then a broken row costs only itself.",
        )


def read_csv(path: Path, encoding: str, delimiter: str) -> Reading:
    """Rows under the names of the first line; a row's number is the line on which it ends."""
    csv.field_size_limit(LONGEST_ROW)
    with open_text(path, encoding, "") as file:
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        names: list[str] | None = None
        while True:
            first = rows.line_num + 1
            try:
                values = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                lines = f"lines {first} to {rows.line_num}" if rows.line_num > first else f"line {first}"
                yield first, Unusable(RejectKind.BROKEN, f"not CSV: {error} ({lines})")
                continue
            if names is None:
                names = _names(path, values)
            elif values:
                yield first, _record(names, values)


def _names(path: Path, values: list[str]) -> list[str]:
    if not values or len(set(values)) < len(values):
        raise DataError(f"The first line of {path} does not name its columns.", "Write a first line such as: id,prompt")
    return [value.strip() for value in values]


def _record(names: list[str], values: list[str]) -> Fields | Unusable:
    if len(values) != len(names):
        told = f"{len(values)} columns, and the first line names {len(names)}"
        return Unusable(RejectKind.BROKEN, told, shown(",".join(values)))
    return dict(zip(names, values, strict=True))
