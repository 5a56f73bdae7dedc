"""Chooses the reader of a source, identifies sources, and reads CSV. Knows nothing of what a row means.

A source is a file, a folder written by `save_to_disk` of `datasets`, or (format hf) the name of a dataset on the hub.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spar.data.file_forms import DELIMITER_NAMES, CsvForm, csv_form, misnamed
from spar.data.json_arrays import read_json_array
from spar.data.layouts import COLUMNS, Layout
from spar.data.rows import Fields, Reading, RejectKind, Unusable, shown
from spar.data.tables import is_saved_dataset, read_dataset, read_parquet
from spar.data.text_files import LONGEST_ROW, open_text, read_json_lines
from spar.data.text_rows import LABELS
from spar.errors import DataError

Format = Literal["auto", "jsonl", "parquet", "csv", "hf", "sharegpt", "alpaca", "messages"]
Container = Literal["json", "csv", "parquet", "hf"]
_CONTAINERS: dict[str, Container] = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
KNOWN_COLUMNS = (*COLUMNS, "output", "response", "completion", "rejected", *LABELS)
"""Column names by which the first line of a CSV file is recognised."""
_NAMED: dict[Format, Container] = {"jsonl": "json", "parquet": "parquet", "csv": "csv", "hf": "hf"}
SUFFIXES = tuple(_CONTAINERS)
_LAYOUTS: dict[Format, Layout] = {"sharegpt": "sharegpt", "alpaca": "alpaca", "messages": "messages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How sources are read; `encoding` is that of text files, `split` that of datasets."""

    format: Format = "auto"
    field: str | None = None
    encoding: str = "utf-8"
    split: str = "train"

    @property
    def layout(self) -> Layout:
        return _LAYOUTS.get(self.format, "auto")


AS_NAMED = Options()
"""Every source has the format of its name, in UTF-8."""


def read_source(name: str, options: Options, every_column: bool = False) -> Reading:
    """The source's rows, one by one; of a Parquet file, the columns that a prompt needs, or all.

    Raises DataError if it cannot be read, at once or at the first malformed part.
    """
    container, path = container_of(name, options.format), Path(name)
    if container == "hf":
        return read_dataset(name, options.split)
    if container == "parquet":
        columns = None if every_column else (*COLUMNS, *([options.field] if options.field else []))
        return read_parquet(path, columns)
    problem = misnamed(path)
    if problem is not None:
        raise DataError(f"{name} is {problem.what}.", problem.fix)
    if container == "csv":
        return read_csv(path, options.encoding, _csv_form(path, options))
    if starts_an_array(path, options.encoding):
        return read_json_array(path, options.encoding)
    return read_json_lines(path, options.encoding)


def reading_note(name: str, options: Options) -> str | None:
    """What was detected in a source in order to read it, if it differs from what its name implies."""
    if container_of(name, options.format) != "csv":
        return None
    delimiter = _csv_form(Path(name), options).delimiter
    usual = _usual_delimiter(Path(name))
    return None if delimiter == usual else f"columns separated by {DELIMITER_NAMES.get(delimiter, repr(delimiter))}"


def _csv_form(path: Path, options: Options) -> CsvForm:
    known = {*KNOWN_COLUMNS, *([options.field] if options.field else [])}
    return csv_form(path, options.encoding, _usual_delimiter(path), known)


def _usual_delimiter(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


def source_identity(name: str) -> dict[str, str | int]:
    """Identifies a source across imports, by size and modification time."""
    path = Path(name)
    files = sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
    stats = [file.stat() for file in files if file.is_file()]
    changed = max((stat.st_mtime_ns for stat in stats), default=0)
    return {"source": name, "bytes": sum(stat.st_size for stat in stats), "changed_ns": changed}


def check_sources(names: list[str], options: Options) -> None:
    """Raises DataError for the first source that is missing or of unknown format, before any is read."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise DataError(f"{repeated} is named twice.", "Name every source once.")
    for name in names:
        container_of(name, options.format)


def container_of(name: str, format_: Format) -> Container:
    """Raises DataError for a source that is missing or of unknown format."""
    path = Path(name)
    if is_saved_dataset(path):
        return "hf"
    if path.is_dir():
        raise DataError(f"{name} is a folder, but not a saved dataset.", "Name the files in it.")
    if path.is_file():
        suffix = next((end for end in reversed(path.suffixes) if end != ".gz"), "")
        container = _NAMED.get(format_) or _CONTAINERS.get(suffix)
        if container is None:
            raise DataError(
                f"The name of {name} does not show its format.",
                f"Rename it ({', '.join(SUFFIXES)}), or, for prompts, add --format jsonl, csv or parquet.",
            )
        return container
    if format_ == "hf":
        return "hf"
    raise DataError(
        f"The file {name} does not exist.", "Check the path. For a dataset of the Hugging Face Hub add --format hf."
    )


def starts_an_array(path: Path, encoding: str) -> bool:
    with open_text(path, encoding, "\n") as file:
        while head := file.read(1024):
            if head.strip():
                return head.lstrip().startswith("[")
    return False


def read_csv(path: Path, encoding: str, form: CsvForm) -> Reading:
    """Reads rows by the column names of the first line, in bounded memory; a row's position is its first line."""
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
                names = _column_names(path, values)
            elif values:
                yield first, _csv_record(names, values)


def _column_names(path: Path, values: list[str]) -> list[str]:
    if not values or len(set(values)) < len(values):
        raise DataError(f"The first line of {path} does not name its columns.", "Write a first line such as: id,prompt")
    return [value.strip() for value in values]


def _csv_record(names: list[str], values: list[str]) -> Fields | Unusable:
    if len(values) != len(names):
        reason = f"{len(values)} columns, but the first line names {len(names)}"
        return Unusable(kind=RejectKind.BROKEN, reason=reason, raw=shown(",".join(values)))
    return dict(zip(names, values, strict=True))
