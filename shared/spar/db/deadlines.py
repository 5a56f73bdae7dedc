"""How long a PostgreSQL connection waits for anything, and a connection that keeps to it. Knows no tables.

Three watches, since each misses what another sees. The server's own timeouts end what takes too long there; TCP's
notice a peer whose host is gone; the client's notices a peer that takes the bytes and never replies (a paused server,
a proxy without its server behind it).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.abc import PQGen
from sqlalchemy import Connection, text

T = TypeVar("T")

PROBES = 4
"""Of TCP's keepalives without a reply, after which the peer counts as gone."""
MIGRATION_S = 3600.0
_LOOK_S = 0.1  # how often a wait may be interrupted; psycopg's own default


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds. The defaults suit the coordinator, whose turns take milliseconds."""

    connect_s: float = 5.0
    """To connect and log in; libpq takes no less than 2."""
    statement_s: float = 60.0
    lock_s: float = 15.0
    """For another transaction's row or table lock."""
    idle_s: float = 300.0
    """Between two statements of a transaction: a turn reads objects, and the store has deadlines of its own."""
    reply_s: float = 10.0
    """What the client waits for a reply beyond the statement's own time."""
    silence_s: float = 30.0
    """Until a peer that acknowledges nothing counts as gone, here and at the server."""

    def of_client(self) -> dict[str, int]:
        """Arguments of psycopg.connect."""
        return {
            "connect_timeout": max(2, round(self.connect_s)),
            "keepalives": 1,
            "keepalives_idle": self._probe_s(),
            "keepalives_interval": self._probe_s(),
            "keepalives_count": PROBES,
            "tcp_user_timeout": round(self.silence_s * 1000),
        }

    def of_server(self) -> dict[str, int]:
        """Settings of the session. By these the server lets go of a dead client's locks."""
        return {
            "statement_timeout": round(self.statement_s * 1000),
            "lock_timeout": round(self.lock_s * 1000),
            "idle_in_transaction_session_timeout": round(self.idle_s * 1000),
            "tcp_keepalives_idle": self._probe_s(),
            "tcp_keepalives_interval": self._probe_s(),
            "tcp_keepalives_count": PROBES,
            "tcp_user_timeout": round(self.silence_s * 1000),
        }

    def _probe_s(self) -> int:
        return max(1, round(self.silence_s / (PROBES + 1)))


USUAL = Deadlines()


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
