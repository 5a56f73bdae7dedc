"""Rows to be scored, checked against a benchmark's items: from a file (JSON lines, plain or as .gz or .zst), or from
memory, as models have just returned them.

Every row that is malformed, unknown, duplicated or missing is an error that names its line. Fields that a benchmark
does not need are ignored. Knows no benchmark.
"""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import zstandard

from spar.errors import DataError

Key = TypeVar("Key")
_NUMBER = re.compile(r"-?\d{1,15}(\.0+)?")
_NAMED = 3
"""How many missing items an error names."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """One JSON object of the file and its line number, from 1."""

    number: int
    fields: Mapping[str, Any]
    origin: str

    def text(self, name: str) -> str:
        """A required field that must be a string (it may be empty)."""
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
        return DataError(f"{self.origin} line {self.number}: {reason}.", "Correct that line and score the file again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRows:
    """Rows in order, and the digest of their bytes as JSON lines. `origin` is their name in errors."""

    lines: Sequence[NumberedRow]
    digest: str
    origin: str


@dataclass(frozen=True, slots=True)
class Answers(Generic[Key]):
    """The rows by item, in the order of the benchmark. `digest` is of the bytes that were read."""

    lines: Mapping[Key, NumberedRow]
    digest: str


def whole_number(value: object) -> int | None:
    """1 for 1, 1.0, "1" and "1.0"; None for anything else, including True and ""."""
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


def encode(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as JSON lines. Half a surrogate pair in a reply is escaped: JSON can hold it, UTF-8 cannot."""
    return "".join(f"{_line(row)}\n" for row in rows).encode()


def rows_of_file(path: Path) -> AnswerRows:
    """Raises DataError for a file that cannot be read, and for a line that is no JSON object."""
    raw = read_bytes(path)
    return AnswerRows(lines=tuple(_lines(str(path), raw)), digest=digest(raw), origin=str(path))


def rows_in_memory(rows: Sequence[Mapping[str, Any]]) -> AnswerRows:
    """Rows of JSON values, as a request returns them."""
    origin = "The request's result"
    lines = tuple(NumberedRow(number, fields, origin) for number, fields in enumerate(rows, start=1))
    return AnswerRows(lines=lines, digest=digest(encode(rows)), origin=origin)


def match_answers(
    rows: AnswerRows, known: Collection[Key], key_of: Callable[[NumberedRow], Key], partial: bool = False
) -> Answers[Key]:
    """Rows by key. Without `partial`, every known item must be present."""
    found: dict[Key, NumberedRow] = {}
    for line in rows.lines:
        key = key_of(line)
        if key not in known:
            raise line.refuse(f"the benchmark has no item {_shown(key)}")
        if key in found:
            raise line.refuse(f"item {_shown(key)} is in line {found[key].number} already")
        found[key] = line
    missing = [key for key in known if key not in found]
    _check_complete(rows.origin, missing, len(found), len(known), partial)
    return Answers({key: found[key] for key in known if key in found}, rows.digest)


def _check_complete(origin: str, missing: list[Key], given: int, total: int, partial: bool) -> None:
    if given and (partial or not missing):
        return
    named = ", ".join(_shown(key) for key in missing[:_NAMED]) + (" and others" if len(missing) > _NAMED else "")
    raise DataError(
        f"{origin} has {given} of the benchmark's {total} items; missing: {named}.",
        "Add the missing rows" + (", or score the present ones with --partial." if given else "."),
    )


def count_lines(path: Path, limit: int | None) -> int:
    """How many rows the file has, up to the limit, without parsing them."""
    number = sum(bool(line.strip()) for line in read_bytes(path).splitlines())
    return number if limit is None else min(number, limit)


def read_lines(path: Path) -> Iterator[NumberedRow]:
    """Every row of a file in order, for data without a fixed list of items."""
    return _lines(str(path), read_bytes(path))


def _lines(origin: str, raw: bytes) -> Iterator[NumberedRow]:
    for number, text in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not text.strip():
            continue
        line = NumberedRow(number, {}, origin)
        try:
            fields = json.loads(text)
        except ValueError as error:  # bad JSON and bad UTF-8
            raise line.refuse(f"not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise line.refuse("not a JSON object")
        yield NumberedRow(number, fields, origin)


def _line(row: Mapping[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text if _is_utf8(text) else json.dumps(row)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(str(part) for part in value)
    return "missing" if value is None else repr(value)[:60]
