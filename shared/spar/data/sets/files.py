"""Finds the data files of a folder. Manifests, lineage and configurations beside them are skipped, and listed.

Knows nothing of rows.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spar.data.file_forms import not_rows
from spar.data.manifest import MANIFEST
from spar.data.sets.names import ANY, INFO, Names, declared_names
from spar.data.sources import SUFFIXES, Options, container_of, starts_an_array
from spar.data.tables import is_saved_dataset
from spar.errors import DataError

_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class SetSource:
    path: Path
    names: Names


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files to read, and the skipped ones with the reason."""

    sources: list[SetSource]
    left_alone: dict[str, str]


def find_files(paths: Iterable[Path], options: Options) -> FoundFiles:
    """Each path itself, or the data files in it. Raises DataError if there are none."""
    sources: list[SetSource] = []
    left_alone: dict[str, str] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist.", "Download the data first, and name its folder or its files.")
        if path.is_dir() and not is_saved_dataset(path):
            sources += _in_folder(path, options, left_alone)
        else:
            container_of(str(path), options.format)  # raises unless its format is known
            _check_whole(path)
            sources.append(SetSource(path, declared_names(path.parent).get(path.name, ANY)))
    return FoundFiles(sources, left_alone)


def _in_folder(folder: Path, options: Options, left_alone: dict[str, str]) -> Iterator[SetSource]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and _suffix(path) in SUFFIXES)
    found = [path for path in found if path.name != INFO]
    data = []
    for path in found:
        _check_whole(path)
        reason = _why_no_data(path, options)
        if reason is None:
            data.append(path)
        else:
            left_alone[str(path)] = reason
    if not data:
        listed = f" Skipped: {', '.join(f'{Path(name).name} ({why})' for name, why in left_alone.items())}."
        raise DataError(
            f"No data file ({', '.join(SUFFIXES)}) in {folder}.{listed if left_alone else ''}",
            "Name the folder that holds the data, or its files.",
        )
    above = declared_names(folder)
    for path in data:
        beside = {**above, **declared_names(path.parent)}.get(path.name)
        yield SetSource(path, beside or above.get(path.relative_to(folder).as_posix()) or ANY)


def _suffix(path: Path) -> str:
    return next((end for end in reversed(path.suffixes) if end != ".gz"), "")


def _why_no_data(path: Path, options: Options) -> str | None:
    ours = _data_of_ours(path.parent)
    if ours is not None and path.name not in ours:
        return "a record of the data beside it" if path.name != MANIFEST else "the manifest of the data beside it"
    if _suffix(path) != ".json" or starts_an_array(path, options.encoding):
        return None
    problem = not_rows(path, options.encoding)
    return problem.what if problem is not None else None


def _data_of_ours(folder: Path) -> set[str] | None:
    """The data files of a folder written by our export or import; None for any other folder."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        return None
    if isinstance(manifest.get("sets"), dict) and "spar" in manifest:
        return {str(name) for name in manifest["sets"].values()}
    return {name for name in manifest["files"] if name not in ("rejects.jsonl", "lineage.jsonl")}


def _check_whole(path: Path) -> None:
    """Raises DataError for a Git LFS pointer in place of the data."""
    if not path.is_file():
        return
    with path.open("rb") as opened:
        if opened.read(len(_POINTER)) == _POINTER:
            raise DataError(
                f"{path} is a Git LFS pointer, not the data.", "Fetch the files: git lfs pull in that folder."
            )
