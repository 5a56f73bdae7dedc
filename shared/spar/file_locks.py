"""Locks on files that end with their process, however it ends: who holds one, and whether anybody does.

Knows nothing of what is locked.
"""

import fcntl
import os
from pathlib import Path


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file; False if another process works under it.

    Somebody who only looks (`is_locked`) holds a shared lock for a moment: that is no reason to give up.
    """
    while not _try(descriptor, fcntl.LOCK_EX):
        if not _try(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def is_locked(path: Path) -> bool:
    """Whether a process works under the file's lock. Changes nothing; a file that is not there is not locked.

    Raises OSError for a file that cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
