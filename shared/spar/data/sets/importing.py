"""Brings training sets in: every row of every file ends in one of the sets, or in the rejects file with its reason.

Made in a work folder inside the output and moved out of it when it is whole; the manifest comes last.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spar.data.json_arrays import read_json_array
from spar.data.manifest import MANIFEST
from spar.data.rows import Fields, Reading, RejectKind, Unusable, shown
from spar.data.scan import Rejects
from spar.data.sets.kinds import SetKind, kind_of
from spar.data.sets.names import ANY, INFO, Names, told_names
from spar.data.sets.rows import Conversation, read_row
from spar.data.sources import source_identity
from spar.data.text_files import open_text, read_json_lines
from spar.data.words import number_of
from spar.errors import AccountingError, DataError
from spar.hashing import file_sha256
from spar.method.records import Pair

REJECTS = "rejects.jsonl"
WORK = ".work"
SUFFIXES = (".json", ".jsonl")
_POINTER = b"version https://git-lfs"


class SetsManifest(BaseModel):
    """Of the rows of all sources, each once: read = the sum of `sets` and `rejected`."""

    model_config = ConfigDict(frozen=True)

    kind: str = "training sets"
    format: int = 1
    sources: list[dict[str, str | int]]
    read: int
    sets: dict[str, int]
    rejected: dict[str, int]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    names: Names


def import_sets(paths: list[Path], out: Path, replace: bool = False) -> SetsManifest:
    """Read files, or folders with all their JSON files, into `out`. Raises DataError for what cannot be read at all."""
    sources = [source for path in paths for source in _sources(path)]
    _check_out(out, replace)
    work = out / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        counts, read, rejected = _write(sources, work)
        if read != sum(counts.values()) + rejected.total():
            raise AccountingError(f"Of {read} rows {sum(counts.values())} are in sets and {rejected.total()} rejected.")
        names = [*(f"{kind}.jsonl" for kind in SetKind), REJECTS]
        manifest = SetsManifest(
            sources=[source_identity(str(source.path)) for source in sources],
            read=read,
            sets={kind: counts[kind] for kind in SetKind},
            rejected={kind: number for kind in RejectKind if (number := rejected[kind])},
            files={name: file_sha256(work / name) for name in names},
        )
        text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (work / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (out / MANIFEST).unlink(missing_ok=True)  # while files are moved, nothing here is an import
        for name in (*names, MANIFEST):
            (work / name).replace(out / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def _check_out(out: Path, replace: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder: --out DIR.")
    if out.is_dir() and any(out.iterdir()) and not (out / WORK).is_dir():
        known = (out / MANIFEST).is_file() and '"kind": "training sets"' in (out / MANIFEST).read_text(encoding="utf-8")
        if not known:
            raise DataError(f"{out} is not empty, and no import of training sets.", "Choose another --out.")
        if not replace:
            raise DataError(f"{out} holds an import.", "Choose another --out, or add --replace to write it anew.")


def _sources(path: Path) -> list[_Source]:
    """The path itself, or all JSON files in it; what its folder's dataset_info.json says of each."""
    if not path.exists():
        raise DataError(f"There is no {path}.", "Download the data first, and name its folder or its files.")
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.suffix in SUFFIXES)
    files = [file for file in files if file.name != INFO]
    if not files:
        raise DataError(f"There is no {' or '.join(SUFFIXES)} file in {path}.", "Name the folder that holds the data.")
    found = []
    for file in files:
        with file.open("rb") as opened:
            if opened.read(len(_POINTER)) == _POINTER:
                raise DataError(
                    f"{file} is a pointer of Git LFS, not the data.", "Fetch the files: git lfs pull in that folder."
                )
        # dataset_info.json lies beside the files, or above them all.
        told = {**told_names(path), **told_names(file.parent)} if path.is_dir() else told_names(file.parent)
        beside = told.get(file.name)
        above = told.get(file.relative_to(path).as_posix()) if path.is_dir() else None
        found.append(_Source(file, beside or above or ANY))
    return found


def _rows(path: Path) -> Reading:
    with open_text(path, "utf-8", "\n") as file:
        head = file.read(1024).lstrip()
    return read_json_array(path, "utf-8") if head.startswith("[") else read_json_lines(path, "utf-8")


def _write(sources: list[_Source], work: Path) -> tuple[Counter[SetKind], int, Counter[RejectKind]]:
    counts: Counter[SetKind] = Counter()
    read = 0
    seen: set[int] = set()
    with ExitStack() as stack:
        rejects = stack.enter_context(Rejects(work / REJECTS, [str(source.path) for source in sources]))
        files = {kind: stack.enter_context((work / f"{kind}.jsonl").open("w", encoding="utf-8")) for kind in SetKind}
        for source, row, found in _found(sources):
            read += 1
            if isinstance(found, Unusable):
                rejects.add(source, row, found)
                continue
            kind, told = found
            text = json.dumps(told, ensure_ascii=False)
            number = number_of(text)
            if number in seen:
                rejects.add(source, row, Unusable(RejectKind.DUPLICATE, "the same row as an earlier one", shown(text)))
                continue
            seen.add(number)
            counts[kind] += 1
            files[kind].write(text + "\n")
        return counts, read, rejects.counts


def _found(sources: list[_Source]) -> Iterator[tuple[int, int, tuple[SetKind, dict[str, Any]] | Unusable]]:
    for index, source in enumerate(sources):
        for row, fields in _rows(source.path):
            yield index, row, _set_row(fields, source.names)


def _set_row(fields: Fields | Unusable, names: Names) -> tuple[SetKind, dict[str, Any]] | Unusable:
    if isinstance(fields, Unusable):
        return fields
    found = read_row(fields, names)
    if isinstance(found, Pair):
        return SetKind.PAIRS, {
            "prompt": [_turn("user", found.prompt.text)],
            "chosen": [_turn("assistant", found.chosen)],
            "rejected": [_turn("assistant", found.rejected)],
        }
    if isinstance(found, Conversation):
        kind = kind_of(found)
        if isinstance(kind, Unusable):
            return kind
        return kind, {"messages": [_turn(message.role, message.content) for message in found.messages]}
    return found


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
