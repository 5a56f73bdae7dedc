"""Reads a file that is one JSON array, element by element, in bounded memory. Knows nothing of what a row means."""

import json
import re
from pathlib import Path
from typing import Any, TextIO

from spar.data.rows import Reading
from spar.data.text_files import LONGEST_ROW, fields_of, open_text
from spar.errors import DataError

_CHUNK = 1 << 16
_BLANKS = re.compile(r"[ \t\n\r]*")


def read_json_array(path: Path, encoding: str) -> Reading:
    """The elements of one array, counted from 1. Raises DataError where it is malformed: the rest cannot be read."""
    with open_text(path, encoding, "\n") as file:
        array = _Array(path, file)
        array.skip("[")
        number = 0
        while array.more():
            number += 1
            if number > 1:
                array.skip(",")
            yield number, fields_of(array.value(number))
        array.skip("]")
        array.end()


class _Array:
    """A window over the text of an array: holds one element and a chunk."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode

    def _fill(self) -> bool:
        chunk = self._file.read(
            max(_CHUNK, len(self._text) - self._at)
        )  # doubling keeps the cost of a long element linear
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _peek(self) -> str:
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            assert blanks is not None  # it matches the empty string too
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

    def end(self) -> None:
        """What follows the array would be lost: raises DataError."""
        if self._peek():
            raise self._broken(f"{self._peek()!r} after its end: a file holds one array")

    def value(self, number: int) -> Any:
        """The next value of the array, reading from the file as needed. Raises DataError with the row's number."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text):
                    self._at = end
                    return value
                if self._fill():  # a number at the window's end may continue
                    continue
                self._at = len(self._text)
                return value
            except json.JSONDecodeError as error:
                problem = error.msg
            except (RecursionError, ValueError) as error:
                raise self._broken(f"row {number} cannot be read: {error}") from error
            if len(self._text) - self._at > LONGEST_ROW or not self._fill():
                raise self._broken(f"row {number}: {problem}")

    def _broken(self, problem: str) -> DataError:
        return DataError(
            f"{self._path} is not a complete JSON array: {problem}.",
            "Repair it, or write one row per line (.jsonl): then a broken row affects only itself.",
        )
