"""Failures that only PostgreSQL has: a server that is unreachable, restarted or silent; locks and deadlines."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlmodel import Session

from spar.db.deadlines import Deadlines
from spar.db.engine import AnotherAtWork, is_held, only_one, open_database
from spar.db.migrate import _MIGRATE_LOCK, migrate
from spar.db.schema import check_schema
from spar.db.tables import Command
from spar.errors import ServiceError
from tests.proxy import proxied
from tests.servers import PostgresServer, free_port


def test_a_wrong_password_is_named_and_not_shown(postgres_server: PostgresServer) -> None:
    with pytest.raises(ServiceError, match="refuses our credentials") as caught:
        open_database(postgres_server.url.replace(postgres_server.password, "guess"))
    assert "guess" not in str(caught.value)


def test_an_unknown_database_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(ServiceError, match=r'database "nothing" does not exist'):
        open_database(postgres_server.url_of("nothing"))


def test_a_server_that_is_away_is_named() -> None:
    port = free_port()
    with pytest.raises(ServiceError, match=f"PostgreSQL at 127.0.0.1:{port}/spar cannot be reached"):
        open_database(f"postgresql+psycopg://spar:secret@127.0.0.1:{port}/spar")


def test_a_restarted_server_is_reached_again(postgres_server: PostgresServer, new_postgres_url: str) -> None:
    engine = open_database(new_postgres_url)
    migrate(engine)
    postgres_server.restart()
    check_schema(engine)
    with Session(engine) as session:
        session.execute(text("SELECT 1"))
        postgres_server.restart()
        with pytest.raises(ServiceError, match="cannot be reached"):
            session.execute(text("SELECT 1"))
    engine.dispose()


def test_a_lost_connection_loses_the_name_and_what_was_not_committed(
    engine_of_postgres: Engine, postgres_server: PostgresServer
) -> None:
    """Two holders, of which the server ends the first one's connection in the middle of its transaction."""
    with only_one(engine_of_postgres, "coordinator") as first:
        with Session(first) as session:
            session.add(Command(key="deposed", kind="submit", payload={}))
            session.flush()
            _end_backends(engine_of_postgres)
            with only_one(engine_of_postgres, "coordinator") as second:
                _append(second, "successor")
                with pytest.raises(ServiceError, match="cannot be reached"):
                    session.commit()
        with only_one(engine_of_postgres, "coordinator") as second:
            with pytest.raises(AnotherAtWork, match="Another coordinator is at work"):
                _append(first, "deposed")
            _append(second, "successor again")
        _append(first, "back")  # the name was free again
        assert is_held(engine_of_postgres, "coordinator")
        with pytest.raises(AnotherAtWork), only_one(engine_of_postgres, "coordinator"):
            pass
    assert _keys(engine_of_postgres) == ["successor", "successor again", "back"]


def test_a_restarted_server_leaves_one_writer(engine_of_postgres: Engine, postgres_server: PostgresServer) -> None:
    with only_one(engine_of_postgres, "coordinator") as first:
        _append(first, "before")
        postgres_server.restart()
        with only_one(engine_of_postgres, "coordinator") as second:
            for _ in range(3):
                with pytest.raises(ServiceError):
                    _append(first, "deposed")
            _append(second, "after")
    assert _keys(engine_of_postgres) == ["before", "after"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("default_transaction_read_only = on", "takes no writes: it is read-only"),
        ("statement_timeout = 1", "took too long over a statement"),
    ],
)
def test_what_may_pass_is_no_mistake_in_a_statement(engine_of_postgres: Engine, settings: str, words: str) -> None:
    with engine_of_postgres.connect() as connection:
        connection.execute(text(f"SET {settings}"))
        connection.commit()
        with pytest.raises(ServiceError, match=words):
            connection.execute(text("CREATE TABLE held AS SELECT pg_sleep(5)::text"))
        connection.invalidate()


def test_a_lock_that_another_holds_is_waited_for_within_a_deadline(new_postgres_url: str) -> None:
    engine = open_database(new_postgres_url, Deadlines(lock_s=0.2))
    migrate(engine)
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE command"))
        with pytest.raises(ServiceError, match="waited too long for a lock"):
            _append(engine, "late")
    _append(engine, "in time")
    engine.dispose()


def test_two_that_wait_for_each_other_end_as_what_may_pass(new_postgres_url: str) -> None:
    engine = open_database(new_postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (n int)"))
        connection.execute(text("CREATE TABLE b (n int)"))
    both = threading.Barrier(2)

    def lock(first: str, second: str) -> str:
        try:
            with engine.begin() as connection:
                connection.execute(text(f"LOCK TABLE {first}"))
                both.wait(10)
                connection.execute(text(f"LOCK TABLE {second}"))
        except ServiceError as error:
            return error.what
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(lock, ("a", "b"), ("b", "a")))
    engine.dispose()
    assert "gave way to another transaction" in ends[0]
    assert ends[1] == "done"


def test_a_server_that_never_replies_is_given_up_and_used_again(
    postgres_server: PostgresServer, new_postgres_url: str
) -> None:
    """Through a proxy that accepts the bytes: what TCP and the server's own timeouts cannot detect."""
    deadlines = Deadlines(connect_s=2, statement_s=0.5, reply_s=0.5)
    with proxied(postgres_server.port) as proxy:
        engine = open_database(new_postgres_url.replace(str(postgres_server.port), str(proxy.port)), deadlines)
        with only_one(engine, "coordinator", deadlines) as writer:
            migrate(writer)
            proxy.hang()
            began = time.monotonic()
            for each in (writer, engine):
                with pytest.raises(ServiceError, match="cannot be reached"):
                    _append(each, "lost")
            assert time.monotonic() - began < 15
            proxy.heal()
            _until(lambda: _append(writer, "kept"))
            assert _keys(engine) == ["kept"]
        engine.dispose()


def test_a_migration_is_not_bound_by_the_deadline_of_statements(new_postgres_url: str) -> None:
    engine = open_database(new_postgres_url, Deadlines(statement_s=0.01, lock_s=0.01))
    waiting = threading.Thread(target=migrate, args=(engine,))
    with engine.begin() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATE_LOCK})
        waiting.start()
        _until(lambda: _assert_waits(holder))
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(30)
    check_schema(engine)
    engine.dispose()


@pytest.fixture
def engine_of_postgres(new_postgres_url: str) -> Iterator[Engine]:
    opened = open_database(new_postgres_url)
    migrate(opened)
    yield opened
    opened.dispose()


def _append(engine: Engine, key: str) -> None:
    with Session(engine) as session, session.begin():
        session.add(Command(key=key, kind="submit", payload={}))


def _keys(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Command.key).order_by(Command.id)))


def _end_backends(engine: Engine) -> None:
    """End the server's side of the connection that holds a name."""
    ours = "locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database"
    ours += " WHERE datname = current_database())"
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE {ours}")) == 1
    deadline = time.monotonic() + 20
    while is_held(engine, "coordinator"):
        assert time.monotonic() < deadline


def _assert_waits(connection: Connection) -> None:
    if not connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")):
        raise ServiceError("Nobody waits yet.")


def _until(work: Callable[[], None]) -> None:
    """Repeat until it no longer raises ServiceError."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return work()
        except ServiceError:
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)


def test_an_exit_in_the_middle_of_a_statement_stays_one(new_postgres_url: str) -> None:
    """A Ctrl-C or SIGTERM that interrupts a query is not an error of the database."""

    def leave(*_: object) -> None:
        sys.exit(3)

    engine = open_database(new_postgres_url)
    before = signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(SystemExit), engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(60)"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        engine.dispose()
