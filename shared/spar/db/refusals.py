"""What a database says when it refuses us, and what to do about it. Pure: errors in, errors out."""

import sqlite3

from spar.errors import HomeError, ServiceError, SparError

_SQLITE_FIXES = {
    "SQLITE_CANTOPEN": "Check that its directory exists and that this user may write there.",
    "SQLITE_READONLY": "Choose a directory that this user can write.",
    "SQLITE_PERM": "Choose a directory that this user can write.",
    "SQLITE_FULL": "The disk is full: free some space and run the same command again. Nothing committed is lost.",
    "SQLITE_IOERR": "Check the disk, then run the same command again.",
    "SQLITE_BUSY": "Another process has written to it for a long time: stop that one, and run again.",
    "SQLITE_NOTADB": "Choose another directory, or move that file away.",
    "SQLITE_CORRUPT": "Restore it from a copy, or start in a new directory.",
}


def sqlite_refusal(error: BaseException, path: str) -> SparError | None:
    """None for an error that is a mistake in a statement."""
    name = getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
    for code, fix in _SQLITE_FIXES.items():
        if name.startswith(code):
            return HomeError(f"The database {path} cannot be used: {error}.", fix)
    return None


def postgres_refusal(error: BaseException, address: str) -> SparError:
    """For a connection that could not be made, or that broke."""
    said = " ".join(str(error).split())
    if "authentication failed" in said or "no password supplied" in said:
        return ServiceError(
            f"PostgreSQL at {address} refuses our credentials.",
            "Correct the user and the password in the database URL.",
        )
    if "does not exist" in said:
        return ServiceError(
            f"PostgreSQL at {address} does not know what the database URL names: {said[-200:]}.",
            "Create that role and that database, or correct the URL.",
        )
    if "too many" in said or "remaining connection slots" in said:
        return ServiceError(
            f"PostgreSQL at {address} takes no more connections.",
            "Raise its max_connections, or run fewer processes.",
        )
    return ServiceError(
        f"PostgreSQL at {address} cannot be reached: {said[:300]}.",
        "Start it, or correct the database URL, and run the same command again.",
    )
