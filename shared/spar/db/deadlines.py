"""How long a PostgreSQL connection waits for anything. `spar.db.postgres_connection` keeps to it. Knows no driver.

Three watches, since each misses what another sees. The server's own timeouts end what takes too long there; TCP's
notice a peer whose host is gone; the client's notices a peer that takes the bytes and never replies (a paused server,
a proxy without its server behind it).
"""

from dataclasses import dataclass

PROBES = 4
"""Of TCP's keepalives without a reply, after which the peer counts as gone."""


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
