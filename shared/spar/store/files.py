"""Files that appear whole or not at all, and what to tell a reader whose disk refuses them."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from spar.errors import StoreError

SCRATCH_MARK = "~"  # cannot be in a key, so no scratch file is ever taken for an object
CHUNK = 1 << 20  # bytes read or written at once

_FIXES = {
    errno.ENOSPC: "The disk is full: free some space and run the same command again.",
    errno.EDQUOT: "The disk quota is used up: free some space and run the same command again.",
    errno.EFBIG: "The file is larger than this user may write: raise the limit (ulimit -f) and run again.",
    errno.EROFS: "The file system is read-only: choose a directory that can be written.",
    errno.EACCES: "Permission is missing: choose a directory that this user can read and write.",
    errno.EPERM: "Permission is missing: choose a directory that this user can read and write.",
    errno.ENOTDIR: "A part of that path is a file: move it away, or choose another directory.",
    errno.EISDIR: "That path is a directory: move it away, or choose another directory.",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n) and run again.",
}


def disk_error(error: OSError, doing: str) -> StoreError:
    """The StoreError for an error of the operating system while `doing`."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    fix = _FIXES.get(error.errno or 0, "Check the disk and the directory, and run the same command again.")
    return StoreError(f"{doing} failed: {reason}.", f"{fix} Nothing half-written was kept.")


@contextmanager
def whole_file(target: Path, scratch: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write; at the end of the block it becomes `target`, and after an exception it is gone.

    It is written in `scratch` (a directory on the same file system; by default next to the target), flushed
    to the disk and then renamed, so a reader or a crash meets the old file, the new one, or none.
    """
    draft = (scratch or target.parent) / f"{SCRATCH_MARK}{os.getpid()}-{uuid.uuid4().hex}"
    try:
        with open(draft, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename inside the directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
