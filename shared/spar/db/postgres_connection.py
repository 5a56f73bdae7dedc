"""A PostgreSQL connection that keeps to its deadlines. Imports psycopg: only what is about to connect imports this."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import starmap
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.abc import PQGen
from sqlalchemy import Connection, text

from spar.db.deadlines import Deadlines

T = TypeVar("T")

MIGRATION_S = 3600.0
_LOOK_S = 0.1  # how often a wait may be interrupted; psycopg's own default


class BoundedConnection(psycopg.Connection[Any]):
    """Never waits for a reply longer than `reply_deadline_s`; then it is closed, for nothing is known of its state."""

    reply_deadline_s: float | None = None

    def wait(self, gen: PQGen[T], interval: float = _LOOK_S, timeout: float | None = None) -> T:
        bound = self.reply_deadline_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, bound)
        except errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no reply within {bound:g} s") from error


def connector(deadlines: Deadlines) -> Callable[..., BoundedConnection]:
    """What connects, in the place of psycopg.connect."""
    # By a statement, not by the connection's `options`: those may be in the URL, and poolers refuse them.
    query = sql.SQL("SELECT {}").format(sql.SQL(", ").join(starmap(_set, deadlines.of_server().items())))

    def connect(*args: Any, **kwargs: Any) -> BoundedConnection:
        connection = BoundedConnection.connect(*args, **{**deadlines.of_client(), **kwargs})
        try:
            connection.reply_deadline_s = deadlines.connect_s + deadlines.reply_s
            connection.execute(query)
            connection.commit()
            connection.reply_deadline_s = deadlines.statement_s + deadlines.reply_s
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


def _set(name: str, value: int) -> sql.Composable:
    return sql.SQL("set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(str(value)))


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """For the transaction that is open: a migration may rewrite a large table, and waits in line for its turn."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, BoundedConnection):
        yield
        return
    usual, driver.reply_deadline_s = driver.reply_deadline_s, MIGRATION_S
    try:
        for name in ("statement_timeout", "lock_timeout"):
            connection.execute(text(f"SET LOCAL {name} = {round(MIGRATION_S * 1000)}"))
        yield
    finally:
        driver.reply_deadline_s = usual
