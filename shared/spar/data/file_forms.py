"""Detects a file's format from its first bytes and lines, where its name does not give it or is wrong.

Knows nothing of prompts and sets, and reads no rows.
"""

import csv
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.data.rows import shown
from spar.data.text_files import LONGEST_ROW, open_text

_MAGIC = {
    b"PAR1": ("a Parquet file", "Name it .parquet, or add --format parquet."),
    b"PK\x03\x04": ("a zip file, as Excel workbooks are", "Unpack it; save a workbook as CSV (UTF-8)."),
    b"\x1f\x8b": ("packed with gzip", "Name it .gz at the end."),
    b"ARROW1": ("an Arrow file", "Name the folder that `save_to_disk` wrote, or write it as Parquet."),
}
_DELIMITERS = (",", ";", "\t", "|")
_EXCEL_MARK = re.compile(r"sep=(.)\s*\Z", re.IGNORECASE)
"""The first line by which Excel names the delimiter."""
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormProblem:
    """What a file contains instead of rows, and what to do."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class CsvForm:
    """`skipped` lines come before the one that names the columns."""

    delimiter: str
    skipped: int = 0


def misnamed(path: Path) -> FormProblem | None:
    """The format of a supposed text file if its first bytes show another one."""
    with path.open("rb") as file:
        head = file.read(8)
    packed = path.suffix == ".gz"
    found = (form for magic, form in _MAGIC.items() if head.startswith(magic) and not (packed and magic == b"\x1f\x8b"))
    return next((FormProblem(what=what, fix=fix) for what, fix in found), None)


def csv_form(path: Path, encoding: str, usual: str, known: Collection[str]) -> CsvForm:
    """The delimiter with which the first line names a known column; otherwise the one that gives the most columns."""
    with open_text(path, encoding, "") as file:
        line = file.readline(LONGEST_ROW).rstrip("\r\n")
    mark = _EXCEL_MARK.match(line)
    if mark is not None:
        return CsvForm(mark[1], skipped=1)
    columns = {each: _columns(line, each) for each in (usual, *_DELIMITERS)}
    named = [each for each, names in columns.items() if len(names) > 1 and set(names) & set(known)]
    if named or set(columns[usual]) & set(known):
        return CsvForm(named[0] if named else usual)
    return CsvForm(max(columns, key=lambda each: len(columns[each])))


def csv_header(path: Path, encoding: str) -> str:
    with open_text(path, encoding, "") as file:
        return shown(file.readline(LONGEST_ROW).strip())


def not_rows(path: Path, encoding: str) -> FormProblem | None:
    """Detects, in a JSON file that starts with an object, one object instead of rows, or rows over several lines."""
    with open_text(path, encoding, "\n") as file:
        text = file.read(LONGEST_ROW)
    text = text.lstrip()
    if not text.startswith("{"):
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if text[end:].strip():
        if "\n" not in text[:end]:
            return None  # rows, one a line
        return FormProblem(
            what="JSON objects over several lines each, not one row a line", fix=f"Write rows: jq -c . {path}"
        )
    return _one_object(path, value, may_be_a_row="\n" not in text[:end])


def _one_object(path: Path, value: dict[str, Any], may_be_a_row: bool) -> FormProblem | None:
    lists = [key for key, rows in value.items() if isinstance(rows, list) and _are_rows(rows)]
    if not lists and may_be_a_row:
        return None
    if not lists:
        return FormProblem(what="one JSON object, not rows", fix="Write one row a line (.jsonl), or an array of rows.")
    what = f"one JSON object, not rows: its key `{lists[0]}` holds {len(value[lists[0]]):,}"
    return FormProblem(what=what, fix=f"Write them as rows: jq -c '.[\"{lists[0]}\"][]' {path}")


def _are_rows(values: list[Any]) -> bool:
    """Rows, and not the turns of one conversation."""
    return bool(values) and isinstance(values[0], dict) and not {"role", "from"} & values[0].keys()


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []
