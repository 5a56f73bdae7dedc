"""Puts an archive's run into a database and a store: verified whole before anything is written, its rows all at once.

Objects come first, under names that say what they hold; until the rows are committed they belong to no run, so what a
crash leaves behind is no half of a run, and restoring again completes it.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine
from sqlmodel import Session

from spar.db.tables import Run
from spar.errors import ConflictError, StoreError
from spar.store.base import ObjectStore
from spar.store.model_files import whole_model
from spar.upkeep.archive import moved_to_store
from spar.upkeep.manifest import RUN, STORE, ArchiveManifest
from spar.upkeep.named import MODEL
from spar.upkeep.rows import Record, Records, read_records, write_records
from spar.upkeep.unpack import Archive, damaged


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a whole, verified archive before anything of it is written."""

    path: Path
    manifest: ArchiveManifest
    records: Records
    files: dict[str, bytes]
    """By name, such as report.json."""


def read_contents(path: Path) -> Contents:
    """Read the whole file and verify it. Raises ArchiveRefused, OSError."""
    records: dict[str, list[Record]] = {}
    files: dict[str, bytes] = {}
    with Archive(path) as archive:
        for member, pieces in archive.members():
            folder, _, name = member.name.partition("/")
            if folder == "database":
                records[name.removesuffix(".jsonl")] = _rows(path, member.name, b"".join(pieces))
            elif member.name in RUN:
                files[name] = b"".join(pieces)
            else:
                for _ in pieces:
                    pass
        runs = [row.get("id") for row in records.get("run", [])]
        if runs != [archive.manifest.run_id]:
            raise damaged(path, f"it holds no rows of the run {archive.manifest.run_id}")
        return Contents(path, archive.manifest, records, files)


def check_room(contents: Contents, folder: Path) -> None:
    """Raises StoreError unless the disk has room for it."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, needed = shutil.disk_usage(place).free, contents.manifest.size
    if free < needed:
        raise StoreError(
            f"The archive holds {needed / 1e9:.1f} GB, and {place} has {free / 1e9:.1f} GB free.",
            "Free some space or choose another --dir, and restore it again. Nothing was written.",
        )


def put_objects(contents: Contents, store: ObjectStore, scratch: Path) -> int:
    """Store the archive's objects; models that are whole here stay as they are. Returns how many were written."""
    whole: dict[str, bool] = {}
    written = 0
    with Archive(contents.path) as archive, TemporaryDirectory(dir=scratch, prefix="restore-") as folder:
        for member, pieces in archive.members():
            key = member.name.removeprefix(STORE)
            if not member.name.startswith(STORE) or _is_whole(key, store, whole):
                for _ in pieces:
                    pass
                continue
            part = Path(folder) / "part"
            with part.open("wb") as file:
                file.writelines(pieces)
            store.put_file(key, part)
            written += 1
    return written


def put_rows(contents: Contents, database: Engine, before_commit: Callable[[], None]) -> bool:
    """Insert the run's rows in one transaction. False: the very same run is here. Raises ConflictError, DataError."""
    run_id = contents.manifest.run_id
    with Session(database) as session:
        if session.get(Run, run_id) is not None:
            if not _same(read_records(session, run_id), contents.records):
                raise _conflict(run_id)
            before_commit()
            return False
        write_records(session, contents.records)
        before_commit()
        session.commit()
    return True


def refuse_conflict(contents: Contents, database: Engine) -> None:
    """Raises ConflictError if another state of this run is there. Writes nothing."""
    run_id = contents.manifest.run_id
    with Session(database) as session:
        there = session.get(Run, run_id) is not None and not _same(read_records(session, run_id), contents.records)
    if there:
        raise _conflict(run_id)


def _conflict(run_id: str) -> ConflictError:
    return ConflictError(
        f"There is a run {run_id} here already, and it is not as the archive has it.",
        "Keep that one, or restore the archive into another directory: --dir DIR. Nothing was written.",
    )


def _same(here: Records, archived: Records) -> bool:
    """Where a model was given as a folder, the archive has it in the store."""
    moved = {row["fingerprint"] for row in archived.get("model", ()) if row["location"] == "store"}
    mine = moved_to_store(here, moved)
    shared = ("result", "model")  # of these, what was here first stays
    return all(list(archived.get(table, ())) == rows for table, rows in mine.items() if table not in shared)


def _is_whole(key: str, store: ObjectStore, whole: dict[str, bool]) -> bool:
    """Whether the object belongs to a model that is here, whole, from before."""
    match = MODEL.fullmatch(key)
    if match is None:
        return False
    fingerprint = match.group(1)
    if fingerprint not in whole:
        whole[fingerprint] = whole_model(store, fingerprint) is not None
    return whole[fingerprint]


def _rows(path: Path, name: str, data: bytes) -> list[Record]:
    def read() -> Iterator[Record]:
        for line in data.splitlines():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a row is no object")
            yield row

    try:
        return list(read())
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"{name} cannot be read ({error})") from error
