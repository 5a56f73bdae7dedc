"""Reads the files of a benchmark that a recipe names, so that a run can store them, identified by content.

Does not interpret them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError
from spar.hashing import file_sha256

SUFFIXES = (".json", ".jsonl")
MOST_BYTES = 64 * 1024**2
"""More than all public benchmarks here together: a larger folder is not a benchmark's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file, by its path below the named folder; a file that was itself named, by its file name."""

    name: str
    text: str


def read_data_files(place: Path) -> list[DataFile]:
    """The file, or the folder's JSON files in order. Raises DataError."""
    paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
    if not paths:
        raise DataError(f"{place} has no *.json and no *.jsonl.", "Name the benchmark's file or folder.")
    _check_size(place, paths)
    top = place.parent if place.is_file() else place
    return [DataFile(name=path.relative_to(top).as_posix(), text=_text(path)) for path in paths]


def read_tree(top: Path) -> list[DataFile]:
    """Every file below the folder, in order. Raises DataError."""
    paths = sorted(path for path in top.rglob("*") if path.is_file())
    _check_size(top, paths)
    return [DataFile(name=path.relative_to(top).as_posix(), text=_text(path)) for path in paths]


def digest_of_tree(place: Path) -> str:
    """The digest of the file, or of every file below the folder."""
    paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    top = place.parent if place.is_file() else place
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(top).as_posix()}\0{file_sha256(path)}\0".encode())
    return whole.hexdigest()


def write_data_files(files: list[DataFile], folder: Path) -> Path:
    """Write the files below the folder; returns the only file, or the folder."""
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8", newline="")
    return folder / files[0].name if len(files) == 1 else folder


def _check_size(place: Path, paths: Sequence[Path]) -> None:
    size = sum(path.stat().st_size for path in paths)
    if size > MOST_BYTES:
        raise DataError(
            f"{place} holds {size / 1024**2:.0f} MiB, more than any benchmark here.", "Name the benchmark's own folder."
        )


def digest_of(files: list[DataFile]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name}\0{len(file.text)}\0{file.text}".encode())
    return whole.hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read as text: {error}.", "Check the file; unpack compressed ones."
        ) from error
