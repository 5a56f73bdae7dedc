"""What stands before every HTTP service of ours: a request is judged by its head before its body is read.

The body is then bounded in size, by what it announces and by what comes, and in time. Knows no routes and no tokens:
which requests are admitted, and how a refusal looks, is the `Door` of the service.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spar.texts import is_storable

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Denial(StrEnum):
    """Why a request is refused whatever it asks for."""

    NO_SUCH_PATH = "no_such_path"  # a path with a character that no name of ours has
    BAD_QUERY = "bad_query"  # a query with a character that cannot be stored
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"


STATUS = {Denial.NO_SUCH_PATH: 404, Denial.BAD_QUERY: 400, Denial.TOO_LARGE: 413, Denial.TOO_SLOW: 408}


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPace:
    """How slowly a body may come: `grace_s` seconds, and what its bytes take at the slowest rate that is accepted."""

    grace_s: float = 20.0
    bytes_per_s: float = 16 * 1024

    def due(self, taken: int) -> float:
        """Seconds from the start of the body by which its next part must be there."""
        return self.grace_s + taken / self.bytes_per_s


class Door(Protocol):
    """What a service decides of a request by its head, and how it refuses."""

    def refusal(self, head: HTTPConnection) -> Response | None:
        """The response to a request that is not admitted; None: it is."""
        ...

    def most_bytes(self, head: HTTPConnection) -> int:
        """What the body of an admitted request may have."""
        ...

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response: ...


class Shield:
    """Refuses by the head, bounds the body, and adds HEADERS to every response.

    Once a body is refused, whatever the application makes of that is replaced by the refusal.
    """

    def __init__(self, app: ASGIApp, door: Door, pace: BodyPace | None = None) -> None:
        self._app, self._door, self._pace = app, door, pace or BodyPace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = HTTPConnection(scope)
        refused = self._refused(head)
        if refused is not None:
            await _closing(head, refused)(scope, receive, _with_headers(send))
            return
        await self._admitted(head, receive, _with_headers(send))

    def _refused(self, head: HTTPConnection) -> Response | None:
        unfit = _unfit(head)
        if unfit is not None:
            return self._door.denied(head, unfit, 0)
        refused = self._door.refusal(head)
        if refused is not None:
            return refused
        most = self._door.most_bytes(head)
        return self._door.denied(head, Denial.TOO_LARGE, most) if _announced(head) > most else None

    async def _admitted(self, head: HTTPConnection, receive: Receive, send: Send) -> None:
        most = self._door.most_bytes(head)
        body = _Body(receive, most, self._pace)
        reply = _GuardedReply(send, lambda: body.denial is not None)
        try:
            await self._app(head.scope, body.receive, reply.send)
        except Exception:
            if body.denial is None or reply.started:
                raise
        if body.denial is not None and not reply.started:
            refused = self._door.denied(head, body.denial, most)
            await _closing(head, refused)(head.scope, receive, send)


class BodyRefused(Exception):
    """The body is not read any further; `Shield` sends the refusal."""


class _Body:
    """A request's body as it comes: no larger than `most`, no slower than the pace."""

    def __init__(self, receive: Receive, most: int, pace: BodyPace) -> None:
        self._receive, self._most, self._pace = receive, most, pace
        self._taken = 0
        self._began: float | None = None
        self._ended = False
        self.denial: Denial | None = None

    async def receive(self) -> Message:
        if self.denial is not None:
            raise BodyRefused(self.denial)
        if self._ended:
            return await self._receive()  # only that the client has gone
        message = await self._next()
        self._taken += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        if self._taken > self._most:
            self._refuse(Denial.TOO_LARGE)
        return message

    async def _next(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._began = now if self._began is None else self._began
        try:
            async with asyncio.timeout_at(self._began + self._pace.due(self._taken)):
                return await self._receive()
        except TimeoutError:
            self._refuse(Denial.TOO_SLOW)
            raise  # not reached

    def _refuse(self, denial: Denial) -> None:
        self.denial = denial
        raise BodyRefused(denial) from None


class _GuardedReply:
    """What the application sends, unless its request has been refused."""

    def __init__(self, send: Send, is_refused: Callable[[], bool]) -> None:
        self._send, self._is_refused = send, is_refused
        self.started = False

    async def send(self, message: Message) -> None:
        if self.started or not self._is_refused():
            self.started = True
            await self._send(message)


def _unfit(head: HTTPConnection) -> Denial | None:
    if not is_storable(head.scope["path"]):
        return Denial.NO_SUCH_PATH
    query = head.scope.get("query_string", b"")
    return Denial.BAD_QUERY if b"%00" in query or b"\0" in query else None


def _announced(head: HTTPConnection) -> int:
    length = head.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else (10**20 if length else 0)


def _closing(head: HTTPConnection, response: Response) -> Response:
    """A body that nobody reads ends with its connection."""
    if "transfer-encoding" in head.headers or _announced(head):
        response.headers["Connection"] = "close"
    return response


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
