"""Opens the database: SQLite in a home, PostgreSQL in a stack. Knows nothing of the tables.

What a database refuses becomes a ServiceError (PostgreSQL) or a HomeError (SQLite) wherever it happens, at the first
connection or in the middle of a run; mistakes in statements stay what SQLAlchemy raises. Passwords are never shown.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from spar.db.deadlines import USUAL, Deadlines
from spar.db.refusals import postgres_refusal, postgres_trouble, sqlite_refusal
from spar.errors import ServiceError, SparError
from spar.file_locks import is_locked, try_lock
from spar.texts import is_storable, storable, storable_all

if TYPE_CHECKING:
    import psycopg

COORDINATOR = "coordinator"
"""The name that the process holds which works on a database's runs."""
_BUSY_SECONDS = 30.0  # how long a SQLite writer waits for another one; a turn of the coordinator takes milliseconds
_POSTGRES = {
    "application_name": "spar",
    "client_encoding": "utf8",  # a database that was made without a locale would give bytes for text
}


class AnotherAtWork(ServiceError):
    """Of what there may be one only, another one holds the name."""


def open_database(url: str, deadlines: Deadlines = USUAL) -> Engine:
    """An engine that has connected once. Raises ServiceError, HomeError."""
    parsed = _parse(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed, deadlines)
    engine.connect().close()
    return engine


@contextmanager
def only_one(engine: Engine, name: str, deadlines: Deadlines = USUAL) -> Iterator[Engine]:
    """Hold a name on this database for the block; a second holder is an AnotherAtWork. It ends with its process.

    What the holder writes goes through the engine that this yields: on PostgreSQL each of its transactions runs on the
    connection that holds the name, so none is committed once the name is lost. When that connection is lost, the next
    transaction takes the name anew, or raises AnotherAtWork.
    """
    held = _holding_connection(engine, name, deadlines) if _is_postgres(engine) else _file_lock(engine, name)
    with held as writer:
        yield writer


def is_held(engine: Engine, name: str) -> bool:
    """Whether a process holds the name on this database just now."""
    if _is_postgres(engine):
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


def _is_postgres(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, json_serializer=dump_json)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "handle_error", _explain)
    clean_parameters(engine)
    return engine


def _postgres(url: URL, deadlines: Deadlines, **pool: int) -> Engine:
    from spar.db.postgres_connection import connector  # psycopg takes long to import, and SQLite does without

    connect = connector(deadlines)
    engine = create_engine(url, connect_args=_POSTGRES, pool_pre_ping=True, json_serializer=dump_json, **pool)
    event.listen(engine, "do_connect", lambda _, __, args, kwargs: connect(*args, **kwargs))
    event.listen(engine, "handle_error", _explain)
    clean_parameters(engine)
    return engine


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
    else:
        refusal = postgres_trouble(error, _address(context.connection.engine.url))
    if refusal is not None:
        raise refusal from error


def _address(url: URL) -> str:
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"


@contextmanager
def _holding_connection(engine: Engine, name: str, deadlines: Deadlines) -> Iterator[Engine]:
    """An engine of one connection, which takes the advisory lock before anything else is done on it.

    The lock is the server's session's: it lives exactly as long as the backend that also runs, and commits, the
    transactions. A second holder can thus begin only when no transaction of the first can be committed any more.
    """
    query, address = f"SELECT pg_try_advisory_lock({_lock_number(name)})", _address(engine.url)

    def take(connection: "psycopg.Connection[Any]", _: object) -> None:
        row = connection.execute(query).fetchone()
        connection.commit()
        if row is None or not row[0]:
            raise _taken(name, address)

    writer = _postgres(engine.url, deadlines, pool_size=1, max_overflow=0)
    event.listen(writer, "connect", take)
    try:
        writer.connect().close()  # it stays in the pool, and the lock with it
        yield writer
    finally:
        writer.dispose()


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
def _file_lock(engine: Engine, name: str) -> Iterator[Engine]:
    path = engine.url.database
    if not path or path == ":memory:":  # nobody else can open it
        yield engine
        return
    with open(_lock_file(path, name), "w") as file:
        if not try_lock(file.fileno()):
            raise _taken(name, path)
        yield engine


def _taken(name: str, where: str) -> AnotherAtWork:
    return AnotherAtWork(
        f"Another {name} is at work on the database {where}.",
        f"There is one {name} per database: stop the other one first, or leave the work to it.",
    )


def dump_json(value: Any) -> str:
    """For `create_engine(json_serializer=...)`."""
    return json.dumps(storable_all(value))


def clean_parameters(engine: Engine) -> None:
    event.listen(engine, "before_cursor_execute", _cleaned, retval=True)


def _cleaned(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    # An INSERT of many rows in one statement counts as many, and comes with all of its values in one row.
    if executemany and isinstance(parameters, list):
        return statement, [_row(each) for each in parameters]
    return statement, _row(parameters)


def _row(parameters: Any) -> Any:
    values = parameters.values() if isinstance(parameters, dict) else parameters
    if all(not isinstance(value, str) or is_storable(value) for value in values):
        return parameters
    if isinstance(parameters, dict):
        return {name: _value(value) for name, value in parameters.items()}
    return tuple(_value(value) for value in parameters)


def _value(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value
