"""Reads CSV row by row, in bounded memory. Knows nothing of what a row means."""

import csv
from pathlib import Path

from spar.data.file_forms import CsvForm
from spar.data.rows import Fields, Reading, RejectKind, Unusable, shown
from spar.data.text_files import LONGEST_ROW, open_text
from spar.errors import DataError


def read_csv(path: Path, encoding: str, form: CsvForm) -> Reading:
    """Rows under the names of the first line; a row's number is the line on which it ends."""
    csv.field_size_limit(LONGEST_ROW)
    with open_text(path, encoding, "") as file:
        rows = csv.reader(file, delimiter=form.delimiter, strict=True)
        for _ in range(form.skipped):
            next(rows, None)
        names: list[str] | None = None
        while True:
            first = rows.line_num + 1
            try:
                values = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                lines = f"lines {first} to {rows.line_num}" if rows.line_num > first else f"line {first}"
                yield first, Unusable(kind=RejectKind.BROKEN, reason=f"not CSV: {error} ({lines})")
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
        return Unusable(kind=RejectKind.BROKEN, reason=told, raw=shown(",".join(values)))
    return dict(zip(names, values, strict=True))
