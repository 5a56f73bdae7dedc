"""Reads a file of responses: JSON lines, plain or as .gz or .zst, checked against the items that a benchmark has.

Every row that is broken, unknown, doubled or missing is an error that names its line. Fields that a benchmark
does not ask for are left alone. Knows no benchmark.
"""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import zstandard

from spar.errors import DataError

Key = TypeVar("Key")
_NUMBER = re.compile(r"-?\d{1,15}(\.0+)?")
_TOLD = 3
"""How many missing items an error names."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """One JSON object of the file and where it stood, from 1."""

    number: int
    fields: Mapping[str, Any]
    path: Path

    def text(self, name: str) -> str:
        """A field that must be there and be a string (it may be empty)."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self.refuse(f"'{name}' is {_shown(value)}, not a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.fields.get(name) is None else self.text(name)

    def texts(self, name: str) -> list[str]:
        """A field that must be a list of strings, at least one."""
        value = self.fields.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
            raise self.refuse(f"'{name}' is {_shown(value)}, not a list of texts")
        return value

    def whole(self, name: str) -> int:
        """A field that must be a whole number, as a number or as its digits: tables and other tools write both."""
        value = self.fields.get(name)
        found = whole_number(value)
        if found is None:
            raise self.refuse(f"'{name}' is {_shown(value)}, not a whole number")
        return found

    def refuse(self, reason: str) -> DataError:
        return DataError(f"{self.path} line {self.number}: {reason}.", "Correct that line and score the file again.")


@dataclass(frozen=True, slots=True)
class Answers(Generic[Key]):
    """The rows by item, in the order of the benchmark. `digest` is of the bytes that were read."""

    lines: Mapping[Key, NumberedRow]
    digest: str


def whole_number(value: object) -> int | None:
    """1 of 1, 1.0, "1" and "1.0"; None of anything else, True and "" among it."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_bytes(path: Path) -> bytes:
    """The file's bytes, decompressed if its name ends in .gz or .zst."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(raw)
        if path.suffix == ".zst":
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read()
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Check the path and the file.") from error
    return raw


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def read_answers(
    path: Path, known: Collection[Key], key_of: Callable[[NumberedRow], Key], partial: bool = False
) -> Answers[Key]:
    """Rows by key. Without `partial`, every known item must be there."""
    raw = read_bytes(path)
    found: dict[Key, NumberedRow] = {}
    for line in _lines(path, raw):
        key = key_of(line)
        if key not in known:
            raise line.refuse(f"the benchmark has no item {_shown(key)}")
        if key in found:
            raise line.refuse(f"item {_shown(key)} was in line {found[key].number} already")
        found[key] = line
    _check_complete(path, [key for key in known if key not in found], len(found), len(known), partial)
    return Answers({key: found[key] for key in known if key in found}, digest(raw))


def _check_complete(path: Path, missing: list[Key], given: int, total: int, partial: bool) -> None:
    if given and (partial or not missing):
        return
    named = ", ".join(_shown(key) for key in missing[:_TOLD]) + (" and others" if len(missing) > _TOLD else "")
    raise DataError(
        f"{path} has {given} of the benchmark's {total} items; missing: {named}.",
        "Add the missing rows" + (", or score what is there with --partial." if given else "."),
    )


def read_lines(path: Path) -> Iterator[NumberedRow]:
    """Every row in order, for a benchmark without a fixed list of items."""
    return _lines(path, read_bytes(path))


def _lines(path: Path, raw: bytes) -> Iterator[NumberedRow]:
    for number, text in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not text.strip():
            continue
        line = NumberedRow(number, {}, path)
        try:
            fields = json.loads(text)
        except ValueError as error:  # bad JSON and bad UTF-8
            raise line.refuse(f"not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise line.refuse("not a JSON object")
        yield NumberedRow(number, fields, path)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(str(part) for part in value)
    return "missing" if value is None else repr(value)[:60]
