"""How every HTTP service of ours listens: a socket, and connections that are closed unless they send a request in time.

Knows no routes and no tokens; what is done with a request before the service sees it is `shield`'s.
"""

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from spar.errors import ServiceError

HEAD_S = 10.0
"""Seconds in which a connection has to send the whole head of a request: when it is new, and after each response."""


class PunctualProtocol(H11Protocol):
    """uvicorn (0.54.0) bounds the size of a request's head and not its time; this closes what is late."""

    head_s = HEAD_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The clock runs from the first moment without a request until its head is there: bytes alone don't stop it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watching()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_watching(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def server_config(app: ASGIApp, **settings: Any) -> uvicorn.Config:
    """How a service of ours is served: no web sockets, no line per request, no name of the server."""
    return uvicorn.Config(
        app, http=PunctualProtocol, ws="none", log_config=None, server_header=False, access_log=False, **settings
    )


def bind(host: str, port: int, who: str, fix: str) -> socket.socket:
    """Raises ServiceError for a port that is in use or a host that is not ours."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ServiceError(f"{who} cannot listen on {host}:{port}: {error.strerror or error}.", fix) from error
