"""Opens the database: SQLite in a home, PostgreSQL in a stack. Knows nothing of the tables.

What a database refuses becomes a ServiceError (PostgreSQL) or a HomeError (SQLite) wherever it happens, at the first
connection or in the middle of a run; mistakes in statements stay what SQLAlchemy raises. Passwords are never shown.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from spar.db.refusals import postgres_refusal, sqlite_refusal
from spar.errors import ServiceError, SparError
from spar.file_locks import is_locked, try_lock

COORDINATOR = "coordinator"
"""The name that the process holds which works on a database's runs."""
_BUSY_SECONDS = 30.0  # how long a SQLite writer waits for another one; a turn of the coordinator takes milliseconds
_POSTGRES = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds; a connection that holds a lock is otherwise silent for days
    "application_name": "spar",
    "client_encoding": "utf8",  # a database that was made without a locale would give bytes for text
}


def open_database(url: str) -> Engine:
    """An engine that has connected once. Raises ServiceError, HomeError."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
    else:
        engine = create_engine(parsed, connect_args=_POSTGRES, pool_pre_ping=True)
    event.listen(engine, "handle_error", _explain)
    engine.connect().close()
    return engine


@contextmanager
def only_one(engine: Engine, name: str) -> Iterator[None]:
    """Hold a name on this database for the block; a second holder is a ServiceError. It ends with its process."""
    held = _advisory_lock(engine, name) if engine.dialect.name == "postgresql" else _file_lock(engine, name)
    with held:
        yield


def is_held(engine: Engine, name: str) -> bool:
    """Whether a process holds the name on this database just now."""
    if engine.dialect.name == "postgresql":
        return _advisory_lock_is_held(engine, name)
    path = engine.url.database
    if not path or path == ":memory:":
        return False
    return is_locked(_lock_file(path, name))


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ServiceError(
            "The database URL is not one that we understand.",  # it is not repeated: it may hold a password
            "Give it as postgresql+psycopg://user:password@host/name or sqlite:////path/of/spar.db.",
        )
    return parsed


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # sqlite3 opens a transaction at the first write, so that reads never hold back a writer: what is read sees
    # all that is committed, as in PostgreSQL's default isolation.
    _switch_to_wal(connection)
    for pragma in (
        "synchronous = NORMAL",  # in WAL mode a power cut may lose the last turns, never the file
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer then don't wait for each other; the file remembers it.

    SQLite's own busy wait does not cover the switch: of two processes that open a new file at once, one would fail.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # SQLite tells nobody when a lock is free


def _explain(context: ExceptionContext) -> None:
    """Raise the project's error for what is not a mistake in a statement."""
    error = context.original_exception
    if not isinstance(error, Exception):
        return  # Ctrl-C or an exit in the middle of a statement: no refusal of the database
    if context.is_pre_ping:
        return  # the pool opens another connection, whose failure comes here by itself
    refusal: SparError | None = None
    if context.dialect.name == "sqlite":
        place = context.engine.url.database if context.engine is not None else None
        refusal = sqlite_refusal(error, place or "the database")
    elif context.connection is None or context.is_disconnect:
        refusal = postgres_refusal(error, _address(context.engine.url) if context.engine is not None else "")
    if refusal is not None:
        raise refusal from error


def _address(url: URL) -> str:
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"


@contextmanager
def _advisory_lock(engine: Engine, name: str) -> Iterator[None]:
    number = _lock_number(name)
    # A connection of its own, outside transactions: PostgreSQL drops the lock with the connection.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}):
            raise _taken(name, _address(engine.url))
        try:
            yield
        finally:
            connection.invalidate()  # closes it, and with it the lock, even if it is broken by now


def _advisory_lock_is_held(engine: Engine, name: str) -> bool:
    """A key of 64 bits is shown in two halves, and as of objsubid 1."""
    number = _lock_number(name) & (2**64 - 1)
    query = text(
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = :high AND objid::bigint = :low)"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(query, {"high": number >> 32, "low": number & (2**32 - 1)}))


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"spar:{name}".encode()).digest()[:8], signed=True)


def _lock_file(database: str, name: str) -> Path:
    return Path(f"{database}.{name}.lock")


@contextmanager
def _file_lock(engine: Engine, name: str) -> Iterator[None]:
    path = engine.url.database
    if not path or path == ":memory:":  # nobody else can open it
        yield
        return
    with open(_lock_file(path, name), "w") as file:
        if not try_lock(file.fileno()):
            raise _taken(name, path)
        yield


def _taken(name: str, where: str) -> ServiceError:
    return ServiceError(
        f"Another {name} is at work on the database {where}.",
        f"There is one {name} per database: stop the other one first, or leave the work to it.",
    )
