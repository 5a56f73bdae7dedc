"""What every HTTP service of ours needs: a bound on requests, headers on every response, a socket to listen on.

Knows no routes and no tokens.
"""

import socket
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spar.errors import ServiceError

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Shield:
    """Bounds what a request may send, and adds HEADERS to every response.

    `too_large` makes the refusal, in the form that the service refuses in.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, too_large: Callable[[int], Exception]) -> None:
        self._app, self._max_bytes, self._too_large = app, max_bytes, too_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise self._too_large(self._max_bytes)
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, bounded, with_headers)


def bind(host: str, port: int, who: str, fix: str) -> socket.socket:
    """Raises ServiceError for a port that is in use or a host that is not ours."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ServiceError(f"{who} cannot listen on {host}:{port}: {error.strerror or error}.", fix) from error
