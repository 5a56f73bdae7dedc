"""Restores an archive into a home: verified first, then its objects, and its rows last, all at once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.progress import newest_run_id
from spar.db.schema import check_schema
from spar.embedded.home import DATABASE, Home
from spar.store.directory import DirectoryStore
from spar.store.files import whole_file
from spar.upkeep.restore import Contents, check_room, put_objects, put_rows, read_contents, refuse_conflict


@dataclass(frozen=True, slots=True)
class RestoredRun:
    run_id: str
    new: bool
    """False: the home had this very run."""
    objects: int
    models_left_out: tuple[str, ...]


def restore_into(file: Path, directory: Path) -> RestoredRun:
    """Raises ArchiveRefused, HomeError, ConflictError, StoreError: then nothing of the run is in the home."""
    contents = read_contents(file)
    home = Home(directory)
    home.check_free()
    check_room(contents, home.root)
    with home.lock():
        if (home.root / DATABASE).is_file():
            _refuse(contents, home)
        scratch = home.work / "restoring"
        scratch.mkdir(parents=True, exist_ok=True)
        objects = put_objects(contents, DirectoryStore(home.store), scratch)
        shutil.rmtree(scratch, ignore_errors=True)
        new = _put_rows(contents, home)
    manifest = contents.manifest
    return RestoredRun(manifest.run_id, new, objects, manifest.models_left_out)


def _refuse(contents: Contents, home: Home) -> None:
    database = open_database(home.database_url)
    try:
        check_schema(database)
        refuse_conflict(contents, database)
    finally:
        database.dispose()


def _put_rows(contents: Contents, home: Home) -> bool:
    database = open_database(home.database_url)
    try:
        migrate(database)
        new = put_rows(contents, database, lambda: _write_files(contents, home.run_folder(contents.manifest.run_id)))
        with Session(database) as session:
            newest = newest_run_id(session)
    finally:
        database.dispose()
    if newest == contents.manifest.run_id:  # as `spar run` leaves it: the newest run's report at the top
        _write_files(contents, home.root, ("report.json", "report.html"))
    return new


def _write_files(contents: Contents, folder: Path, names: tuple[str, ...] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.files.items():
        if names is None or name in names:
            with whole_file(folder / name) as file:
                file.write(data)
