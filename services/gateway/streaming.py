"""A completion as server-sent events: comments while the search runs, then the text, then [DONE].

A comment is a line that begins with a colon; clients skip it. It reports progress, never a model's text. An error after
the stream has been opened is sent in it, as OpenAI does. Knows nothing of searches.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.disconnects import while_connected
from services.gateway.errors import ClientGone, error_reply
from spar.inference.growing import ProgressCallback

log = structlog.get_logger()
Chunks = Iterable[dict[str, Any]]
Work = Callable[[ProgressCallback], Awaitable[Chunks]]
"""Does the work, reports its progress, and returns the chunks of the reply."""
DONE = b"data: [DONE]\n\n"
WAITING = "waiting"


class CompletionStream(Response):
    """Runs `work` while it is sent; a client that disconnects ends it. Once open, never silent beyond the heartbeat.

    It opens once the request has a place: if it gets none, the request is refused with its own status.
    """

    media_type = "text/event-stream"

    def __init__(self, work: Work, place: AbstractAsyncContextManager[None], heartbeat_s: float) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._work, self._place, self._heartbeat_s = work, place, heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._in_place(send))
        except ClientGone:  # no client is left to receive an error
            log.info("client_gone", path=scope["path"])

    async def _in_place(self, send: Send) -> None:
        async with self._place:
            lines: asyncio.Queue[str] = asyncio.Queue()
            work = asyncio.ensure_future(self._work(lines.put_nowait))
            try:
                await self._stream(send, lines, work)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    async def _stream(self, send: Send, lines: "asyncio.Queue[str]", work: "asyncio.Future[Chunks]") -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while not work.done() or not lines.empty():
            line = await self._next(lines, work)
            if line is not None:
                await _send(send, f": {line}\n\n".encode())
        for event in _events(work):
            await _send(send, event)
        await send({"type": "http.response.body", "body": DONE, "more_body": False})

    async def _next(self, lines: "asyncio.Queue[str]", work: "asyncio.Future[Chunks]") -> str | None:
        """The next line; WAITING if there was none for as long as a heartbeat; None once the work is done."""
        if not lines.empty():
            return lines.get_nowait()
        line = asyncio.ensure_future(lines.get())
        try:
            either: set[asyncio.Future[Any]] = {line, work}
            await asyncio.wait(either, timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
            if line.done():
                return line.result()
            return None if work.done() else WAITING
        finally:
            line.cancel()


def _events(work: "asyncio.Future[Chunks]") -> Iterable[bytes]:
    error = work.exception()
    if error is not None and not isinstance(error, Exception):
        raise error  # an interrupt, not a failure
    lines = work.result() if error is None else [error_reply(error)[1]]
    return [b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\n\n" for each in lines]


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
