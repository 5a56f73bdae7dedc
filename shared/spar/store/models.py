"""Models in the store, and the cache of them on this host's disk.

In the store: `models/<fingerprint>/<file>`, and last of all `models/<fingerprint>/manifest.json`; a model is
there when its manifest is there. On the disk, fetched once and shared by the host's processes:

    <root>/<fingerprint>/        a whole, verified model: it appears by one rename
    <root>/~locks/<fingerprint>  held shared by who uses the model, exclusively by who removes it
    <root>/~fetching/...         a fetch under way, and its lock; what a killed one left is continued
    <root>/~removing/...         a model on its way out

The kernel drops a lock when its holder dies, so nothing needs cleaning after a crash. This file knows nothing
of what loads the models.
"""

import fcntl
import os
import shutil
import threading
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path

from spar.store.base import ObjectStore
from spar.store.files import disk_error, sync_directory
from spar.store.keys import check_key
from spar.store.model_files import (
    MANIFEST,
    ModelManifest,
    describe_folder,
    fetch_model_file,
    folder_fingerprint,
    model_key,
    read_model_manifest,
    whole_model,
)
from spar.store.rereading import reread

__all__ = ["CACHE_BYTES", "ModelCache", "ModelManifest", "folder_fingerprint", "upload_model"]

CACHE_BYTES = 20 * 1024**3
"""A cache's size beside a home's store, as engines and trainers read it; beyond it the least recently used go."""
_HELD = 4  # models one process is using at most: base or parent, actor, refiner, and the next one


def upload_model(store: ObjectStore, fingerprint: str, folder: Path) -> ModelManifest:
    """Store a model's folder under its fingerprint, unless a whole model is there: the first one stays as it is."""
    if store.exists(model_key(fingerprint, MANIFEST)) and (known := whole_model(store, fingerprint)) is not None:
        return known
    files = describe_folder(folder)
    for file in files:
        store.put_file(model_key(fingerprint, file.name), folder / file.name)
    manifest = ModelManifest(fingerprint=fingerprint, files=files)
    store.put(model_key(fingerprint, MANIFEST), manifest.model_dump_json(indent=1).encode())
    return manifest


class ModelCache:
    """Fetches models; beyond `limit_bytes` the least recently used go that no process holds.

    The last few models that this cache fetched stay held, so that they cannot vanish between `fetch` and the
    moment something has loaded them; `close` lets go of all. Safe from several threads and processes.
    """

    def __init__(self, root: Path, store: ObjectStore, limit_bytes: int) -> None:
        self.root, self._store, self._limit_bytes = Path(root), store, limit_bytes
        self._held: OrderedDict[str, int] = OrderedDict()  # fingerprint -> descriptor of its shared lock
        self._guard = threading.Lock()

    def fetch(self, fingerprint: str) -> Path:
        """The model's folder, whole and verified. Raises ObjectMissing, ObjectCorrupt, StoreError."""
        check_key(fingerprint)
        try:
            folder = self._fetch_and_hold(fingerprint)
            self._evict()
        except OSError as error:
            raise disk_error(error, f"Fetching model {fingerprint} into {self.root}") from error
        return folder

    def close(self) -> None:
        with self._guard:
            for lock in self._held.values():
                os.close(lock)
            self._held.clear()

    def _fetch_and_hold(self, fingerprint: str) -> Path:
        folder = self.root / fingerprint
        lock = _lock_file(self.root / "~locks" / fingerprint)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)  # from here on nobody removes the model
            if not folder.is_dir():
                self._download_once(fingerprint, folder)
            os.utime(folder)  # last used now
        except BaseException:
            os.close(lock)
            raise
        self._hold(fingerprint, lock)
        return folder

    def _download_once(self, fingerprint: str, folder: Path) -> None:
        # A lock of its own: the other one is held, shared, by who already uses the model, perhaps for hours.
        lock = _lock_file(self.root / "~fetching" / f"{fingerprint}~lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                self._download(fingerprint, folder)
        finally:
            os.close(lock)

    def _download(self, fingerprint: str, folder: Path) -> None:
        manifest = reread(lambda: read_model_manifest(self._store, fingerprint))
        draft = self.root / "~fetching" / fingerprint
        draft.mkdir(parents=True, exist_ok=True)
        for file in manifest.files:
            reread(partial(fetch_model_file, self._store, fingerprint, file, draft))
        os.rename(draft, folder)
        sync_directory(self.root)

    def _hold(self, fingerprint: str, lock: int) -> None:
        with self._guard:
            if (older := self._held.pop(fingerprint, None)) is not None:
                os.close(older)
            self._held[fingerprint] = lock
            while len(self._held) > _HELD:
                os.close(self._held.popitem(last=False)[1])

    def _evict(self) -> None:
        """Remove unheld models, the least recently used first, until the rest fits."""
        used = {folder: _last_use_and_size(folder) for folder in self._folders()}
        total = sum(size for _, size in used.values())
        for folder, (_, size) in sorted(used.items(), key=lambda item: item[1]):
            if total <= self._limit_bytes:
                return
            if self._remove(folder):
                total -= size

    def _remove(self, folder: Path) -> bool:
        """Whether the model is gone: one that somebody holds stays."""
        lock = _lock_file(self.root / "~locks" / folder.name)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        try:
            doomed = self.root / "~removing" / folder.name
            if folder.is_dir():
                doomed.parent.mkdir(exist_ok=True)
                shutil.rmtree(doomed, ignore_errors=True)  # from a removal that was killed
                os.rename(folder, doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        finally:
            os.close(lock)
        return True

    def _folders(self) -> list[Path]:
        return [path for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("~")]


def _lock_file(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _last_use_and_size(folder: Path) -> tuple[float, int]:
    """Zero for a model that another process is just removing."""
    with suppress(FileNotFoundError):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return folder.stat().st_mtime, size
    return 0.0, 0
