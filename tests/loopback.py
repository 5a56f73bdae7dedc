"""An HTTP service on loopback in a thread of this process, and a client that writes arbitrary bytes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from spar.runtime.http import PunctualProtocol, bind, server_config

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Listening:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            yield connection

    def reply_to(self, *parts: bytes) -> bytes:
        """Everything received until the connection ends, while nothing more is sent."""
        with self.connection() as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """What is received until the other side closes, in whatever way."""
    came = b""
    try:
        while part := connection.recv(65536):
            came += part
    except ConnectionResetError:
        pass
    return came


@contextmanager
def listening(app: ASGIApp, head_s: float | None = None) -> Iterator[Listening]:
    """The app as `server_config` serves it; `head_s` replaces its time limit in seconds for a request's head."""
    config = server_config(app, timeout_graceful_shutdown=1)
    if head_s is not None:
        config.http = type("Brief", (PunctualProtocol,), {"head_s": head_s})
    server = uvicorn.Server(config)
    with bind("127.0.0.1", 0, "The test", "") as taken:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield Listening(taken.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "the server did not end"
