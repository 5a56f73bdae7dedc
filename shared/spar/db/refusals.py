"""Errors of a database, and what to do about them. Pure: errors in, errors out."""

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
_SQLITE_MAY_PASS = ("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY")

_ROOM = "Free some space on its disk; work resumes by itself."
_LATER = "Nothing needs to be done: it is retried."
_POSTGRES_TROUBLES = {
    "25006": ("takes no writes: it is read-only", "Make it writable, or name its primary; work resumes by itself."),
    "42501": (
        "does not let this user do that",
        "Give the user of the database URL the rights; work resumes by itself.",
    ),
    "40": ("gave way to another transaction", _LATER),
    "53100": ("has no room left", _ROOM),
    "53": ("has too little of something to work with", "Give it memory, disk or connections; work resumes by itself."),
    "55P03": ("waited too long for a lock", "Look in pg_stat_activity who holds it; work resumes by itself."),
    "57014": ("took too long over a statement", "Look into its log and at its load; the work is retried."),
    "XX": ("met an error of its own", "Look into its log; the work is retried."),
    "58": ("met an error of its system", "Look into its log and at its disk; work resumes by itself."),
}
"""By SQLSTATE, the longest that fits: what may pass, though it is no lost connection."""
_OF_ITS_OPERATION = ("refused a statement", "Look into its log; the work is retried.")
"""What else psycopg has as no mistake of the statement."""
_TOO_LARGE = "54"
"""A value or a statement beyond a limit of the server: the same one never passes."""


class HomeBlocked(HomeError):
    """The database takes no writes just now: a full disk, say, or another writer."""

    may_pass = True


def sqlite_refusal(error: BaseException, path: str) -> SparError | None:
    """None for an error that is a mistake in a statement."""
    name = getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
    for code, fix in _SQLITE_FIXES.items():
        if name.startswith(code):
            kind = HomeBlocked if code in _SQLITE_MAY_PASS else HomeError
            return kind(f"The database {path} cannot be used: {error}.", fix)
    return None


def postgres_refusal(error: BaseException, address: str) -> SparError:
    """For a connection that could not be made, or that broke."""
    message = " ".join(str(error).split())
    if "authentication failed" in message or "no password supplied" in message:
        return ServiceError(
            f"PostgreSQL at {address} refuses our credentials.",
            "Correct the user and the password in the database URL.",
        )
    if "does not exist" in message:
        return ServiceError(
            f"PostgreSQL at {address} does not know what the database URL names: {message[-200:]}.",
            "Create that role and that database, or correct the URL.",
        )
    if "too many" in message or "remaining connection slots" in message:
        return ServiceError(
            f"PostgreSQL at {address} takes no more connections.",
            "Raise its max_connections, or run fewer processes.",
        )
    return ServiceError(
        f"PostgreSQL at {address} cannot be reached: {message[:300]}.",
        "Start it, or correct the database URL, and run the same command again.",
    )


def postgres_trouble(error: BaseException, address: str) -> ServiceError | None:
    """For a statement over a working connection: None for an error that is a mistake in the statement."""
    import psycopg  # imported already, by what raised the error

    state = getattr(error, "sqlstate", None) or ""
    known = _POSTGRES_TROUBLES.get(state) or _POSTGRES_TROUBLES.get(state[:2])
    if known is None and isinstance(error, psycopg.OperationalError) and not state.startswith(_TOO_LARGE):
        known = _OF_ITS_OPERATION
    if known is None:
        return None
    what, fix = known
    message = " ".join(str(error).split())
    return ServiceError(f"PostgreSQL at {address} {what}: {message[:300]}.", fix)
