"""Which reader a source needs, and what identifies it. Knows nothing of what a row means.

A source is a file, a folder that `save_to_disk` of datasets wrote, or (format hf) the name of a hub's dataset.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spar.data.csv_files import read_csv
from spar.data.file_forms import DELIMITER_NAMES, CsvForm, csv_form, misnamed
from spar.data.json_arrays import read_json_array
from spar.data.layouts import COLUMNS, Layout
from spar.data.rows import Reading
from spar.data.tables import is_saved_dataset, read_dataset, read_parquet
from spar.data.text_files import open_text, read_json_lines
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
"""By these the first line of a CSV file is recognised."""
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
"""Every source is what its name says, in UTF-8."""


def read_source(name: str, options: Options, every_column: bool = False) -> Reading:
    """Its rows, one by one; of a Parquet file the columns that a prompt needs, or all.

    Raises DataError if it cannot be read, at once or where it breaks.
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
    """What was found out of a source to read it, where its name says something else."""
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
    """Tells whether a source is the one of an earlier import: a file by size and time of change."""
    path = Path(name)
    files = sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
    stats = [file.stat() for file in files if file.is_file()]
    changed = max((stat.st_mtime_ns for stat in stats), default=0)
    return {"source": name, "bytes": sum(stat.st_size for stat in stats), "changed_ns": changed}


def check_sources(names: list[str], options: Options) -> None:
    """Raises DataError for the first that is not there or of no known kind, before any is read."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise DataError(f"{repeated} is named twice.", "Name every source once.")
    for name in names:
        container_of(name, options.format)


def container_of(name: str, format_: Format) -> Container:
    """Raises DataError for what is not there, and for what is of no known kind."""
    path = Path(name)
    if is_saved_dataset(path):
        return "hf"
    if path.is_dir():
        raise DataError(f"{name} is a folder, and no saved dataset.", "Name the files in it.")
    if path.is_file():
        suffix = next((end for end in reversed(path.suffixes) if end != ".gz"), "")
        container = _NAMED.get(format_) or _CONTAINERS.get(suffix)
        if container is None:
            raise DataError(
                f"What {name} holds is not clear from its name.",
                f"Rename it ({', '.join(SUFFIXES)}), or, for prompts, add --format jsonl, csv or parquet.",
            )
        return container
    if format_ == "hf":
        return "hf"
    raise DataError(
        f"There is no file {name}.", "Check the path. For a dataset of the Hugging Face hub add: --format hf."
    )


def starts_an_array(path: Path, encoding: str) -> bool:
    with open_text(path, encoding, "\n") as file:
        while head := file.read(1024):
            if head.strip():
                return head.lstrip().startswith("[")
    return False
