"""The output of `spar refine`: one JSON row a line, appended as trees finish, and resumed after a stop.

OUT.settings.json beside it holds the settings that determine the rows, so that a file never mixes two searches. An
incomplete last line, left by a kill, is cut off, and its row is searched again. Knows nothing of models.
"""

import fcntl
import json
import os
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spar.errors import DataError, StoreError

Identity = dict[str, Any]
ABOUT = "about"
"""The key of facts that are stored beside the identity for an export, and are not compared."""
Row = dict[str, Any]


class OutputFile:
    """Open it with `open_output`; one writer at a time."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.repaired = False
        self._file = descriptor
        self._end = 0
        self._rows: array[int] = array("Q")
        """By line of the input: the first half of its row's identity, 0 if it is still to do. 8 bytes a row."""

    def has(self, line: int, row: str) -> bool:
        """Whether this row is done. Raises DataError if that line was a different row."""
        done = self._rows[line] if line < len(self._rows) else 0
        if done and done != _number(row):
            raise DataError(
                f"Line {line} of the input has changed since {self.path} was started.",
                "Restore the input, or write to another --out.",
            )
        return bool(done)

    def append(self, row: Row) -> None:
        """Write the whole row, or leave the file as it was and raise StoreError."""
        data = _encode(row)
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise _cannot_write(self.path, error) from error
        self._end += len(data)
        self._remember(row)

    def load(self, on_row: Callable[[Row], None]) -> None:
        """Index the existing rows, and cut off an incomplete last line."""
        with open(self._file, "rb", closefd=False) as file:
            for number, raw in enumerate(file, start=1):
                row = _decode(raw)
                if row is None:
                    self._cut(number, torn=not file.read(1))
                    return
                self._end += len(raw)
                self._remember(row)
                on_row(row)

    def _cut(self, number: int, torn: bool) -> None:
        if not torn:
            raise DataError(
                f"Line {number} of {self.path} is not an output row, and it is not the last one.",
                "Restore the file, or write to another --out.",
            )
        os.ftruncate(self._file, self._end)
        self.repaired = True

    def _remember(self, row: Row) -> None:
        line = int(row["line"])
        if line >= len(self._rows):
            self._rows.extend([0] * (line + 1 - len(self._rows)))
        self._rows[line] = _number(row["row"])


@contextmanager
def open_output(
    path: Path, identity: Identity, on_row: Callable[[Row], None], about: dict[str, Any] | None = None
) -> Iterator[OutputFile]:
    """Create the file, or resume it; `on_row` receives every row that it already holds.

    `about` is stored beside the identity and has no effect.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        _lock(path, descriptor)
        _settle_identity(path, os.fstat(descriptor).st_size == 0, {**identity, ABOUT: about or {}})
        output = OutputFile(path, descriptor)
        output.load(on_row)
        yield output
    finally:
        os.close(descriptor)


def settings_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.settings.json")


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(
            f"Another `spar refine` is writing {path}.", "Wait for it, or write to another --out."
        ) from error


def _settle_identity(path: Path, empty: bool, identity: Identity) -> None:
    settings = settings_path(path)
    if not empty:
        _check_identity(path, settings, identity)
        return
    partial = settings.with_name(f"{settings.name}.partial")
    try:
        partial.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
        partial.replace(settings)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _cannot_write(settings, error) from error


def _check_identity(path: Path, settings: Path, identity: Identity) -> None:
    try:
        begun = _flat({**json.loads(settings.read_text(encoding="utf-8")), ABOUT: {}})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path} is not empty, and {settings.name} does not state its settings.",
            "Write to another --out, or move this file away.",
        ) from error
    now = _flat({**identity, ABOUT: {}})
    changed = [key for key in sorted({*begun, *now}) if begun.get(key) != now.get(key)]
    if changed:
        changes = ", ".join(f"{key} {begun.get(key)} -> {now.get(key)}" for key in changed)
        raise DataError(
            f"{path} was written with other settings ({changes}).",
            "Use the same settings to resume, or write to another --out.",
        )


def _flat(settings: Identity, prefix: str = "") -> Identity:
    flat: Identity = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _encode(row: Row) -> bytes:
    try:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair in a model's reply: escaped, JSON can hold it
        return (json.dumps(row) + "\n").encode()


def _decode(raw: bytes) -> Row | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        row = json.loads(raw)
        return row if {"line", "row", "outcome"} <= row.keys() else None
    except (ValueError, AttributeError):
        return None


def _number(row: str) -> int:
    return int(row, 16) or 1


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write {path}: {error.strerror}.",
        "Free space or choose another --out; then the same command resumes where it stopped.",
    )
