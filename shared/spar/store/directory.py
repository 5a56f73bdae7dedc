"""The object store as a directory: one file per key. Knows nothing of what the bytes mean.

Safe from several threads and processes, also when they write one key at once: each write is a file of its own
that is renamed into place when it is complete.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from spar.errors import StoreError
from spar.store.files import CHUNK, SCRATCH_MARK, disk_error, whole_file
from spar.store.keys import check_key, check_prefix, missing

_STALE_SCRATCH = 24 * 3600.0  # seconds; no single write takes a day, so an older scratch file has no writer


class DirectoryStore:
    """Objects below `root`, which is made when the first object is written."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._begun = os.path.lexists(self.root)
        self._scratch = self.root / f"{SCRATCH_MARK}scratch"
        self._remove_stale_scratch()

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self.root)!r})"

    def put(self, key: str, data: bytes) -> None:
        with self._write(key) as file:
            file.write(data)

    def get(self, key: str) -> bytes:
        with self._read(key) as file:
            return file.read()

    def exists(self, key: str) -> bool:
        path = self._path(key)
        with _explained(f"Looking for {path}"):
            return self._is_there(path)

    def put_file(self, key: str, path: Path) -> None:
        with self._write(key) as file, open(path, "rb") as source:
            shutil.copyfileobj(source, file, CHUNK)

    def get_file(self, key: str, path: Path) -> None:
        with self._read(key) as source, whole_file(path) as file:
            shutil.copyfileobj(source, file, CHUNK)

    def keys(self, prefix: str) -> Iterator[str]:
        below = check_prefix(prefix)
        found: list[str] = []
        with _explained(f"Listing the object store {self.root}"):
            for folder, folders, files in os.walk(self.root / below, onerror=_raise_unless_gone):
                folders[:] = [name for name in folders if not name.startswith(SCRATCH_MARK)]
                relative = Path(folder).relative_to(self.root).as_posix()
                start = "" if relative == "." else f"{relative}/"
                found += [start + name for name in files if not name.startswith(SCRATCH_MARK)]
        return iter(sorted(found))

    def written_at(self, key: str) -> datetime:
        with self._read(key) as file:
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)

    def remove(self, key: str) -> None:
        path = self._path(key)
        with _explained(f"Removing {path}"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _is_there(self, path: Path) -> bool:
        if path.is_file():
            return True
        self._require_root()
        return False

    def _require_root(self) -> None:
        """Raises StoreError if the directory that was there is gone as a whole, as of a disk that is not mounted now.

        No object of it is lost by that.
        """
        if self._begun and not self.root.is_dir():
            raise StoreError(
                f"The object store {self.root} is not there any more.",
                "Mount its disk again or put the directory back, and run the same command again.",
            )

    @contextmanager
    def _write(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        with _explained(f"Writing {path}"):
            self._require_root()
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._begun = True
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, self._scratch) as file:
                yield file

    @contextmanager
    def _read(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        with _explained(f"Reading {path}"):
            if not self._is_there(path):
                raise missing(key, self)
            with open(path, "rb") as file:
                yield file

    def _remove_stale_scratch(self) -> None:
        """What killed writers left behind; a file that another process has just renamed is not an error."""
        if not self._scratch.is_dir():
            return
        with _explained(f"Cleaning {self._scratch}"):
            for draft in self._scratch.iterdir():
                with suppress(FileNotFoundError):
                    if time.time() - draft.stat().st_mtime > _STALE_SCRATCH:
                        draft.unlink()


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(error, doing) from error
