"""A home: the directory in which embedded runs live, `--dir` of every command.

    spar.db    the database          store/   results, data, models
    runs/ID/   a run's recipe and report     work/    checkpoints; can be deleted when nothing runs

Opened by one process at a time. Knows nothing of what runs do.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from spar.errors import HomeError
from spar.file_locks import is_locked, try_lock

DATABASE = "spar.db"
LOCK = "lock"
OURS = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", LOCK, "store", "work", "runs", "report.json", "report.html"}


class HomeInUse(HomeError):
    """Another process holds it."""


class Home:
    """The places of a home; `lock` makes the directory and holds it until closed."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.store = self.root / "store"
        self.work = self.root / "work"
        self.runs = self.root / "runs"
        self._lock: int | None = None

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.root / DATABASE}"

    def run_folder(self, run_id: str) -> Path:
        return self.runs / run_id

    def check(self) -> None:
        """It is a home that exists. Raises HomeError."""
        if not (self.root / DATABASE).is_file():
            raise HomeError(
                f"{self.root} holds no runs.", "Start one with `spar run RECIPE --dir DIR`, or name its DIR."
            )

    def check_free(self) -> None:
        """It can be locked, as things stand. Makes and changes nothing. Raises HomeError."""
        with self._explained():
            strangers = sorted(set(os.listdir(self.root)) - OURS) if self.root.exists() else []
        if strangers:
            raise HomeError(
                f"{self.root} is neither empty nor a home of runs: it holds {', '.join(strangers[:3])}.",
                "Choose another --dir, or move these files away.",
            )
        if self.in_use():
            raise self._taken()

    def lock(self) -> "Home":
        """Make the home, or take an existing one for this process. Raises HomeError, whatever the disk says."""
        self.check_free()
        with self._explained():
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        if not try_lock(lock):
            os.close(lock)
            raise self._taken()
        self._lock = lock
        return self

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HomeError(
                f"{self.root} cannot be used as a run directory: {error.strerror}.",
                "Choose a --dir on a disk that has room and that you may write to.",
            ) from error

    def _taken(self) -> HomeInUse:
        return HomeInUse(f"Another process is running in {self.root}.", "Wait until it ends, or choose another --dir.")

    @property
    def held(self) -> bool:
        """Whether it is this object that has locked it."""
        return self._lock is not None

    def in_use(self) -> bool:
        """Whether a process runs in it. Raises HomeError if that cannot be found out."""
        try:
            return is_locked(self.root / LOCK)
        except OSError as error:
            raise HomeError(
                f"{self.root / LOCK} cannot be opened: {error.strerror}.", "Read the home as the user who runs in it."
            ) from error

    def __enter__(self) -> "Home":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
