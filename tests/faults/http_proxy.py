"""An HTTP reverse proxy that can falsify replies: statuses, bodies, types. It is placed behind a `TcpProxy`.

It shapes what a server sends back and knows nothing of connections. `only` limits a fault to some requests, so that one
reply in a row can be bad, or gets and not puts.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from tests.faults.proxy import LOOPBACK, Loop

MOST_BYTES = 1 << 28  # per body; nothing in these runs comes close
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "date", "server", "content-length"}

Only = Callable[[web.BaseRequest], bool]
Rewrite = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply as it will be sent. `cut` sends that share of the body, declared with the full length."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: float | None = None


Shape = Callable[[Reply], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFault:
    """`instead` is sent without a request to the server; `shape` changes its reply. `most`: how many replies."""

    instead: Reply | None = None
    shape: Shape | None = None
    only: Only = lambda _: True
    most: int | None = None


def gets(request: web.BaseRequest) -> bool:
    return request.method == "GET"


def puts(request: web.BaseRequest) -> bool:
    return request.method == "PUT"


class HttpProxy:
    """Forwards to `upstream`; `switch` a fault on, or None to heal. `struck` counts the replies it changed."""

    def __init__(self, loop: Loop, upstream: int) -> None:
        self._loop = loop
        self._upstream = upstream
        self._fault: HttpFault | None = None
        self.struck = 0
        self.port = 0
        loop.call(self._start())

    def switch(self, fault: HttpFault | None) -> None:
        self._loop.call(self._switch(fault))

    def close(self) -> None:
        self._loop.call(self._stop())

    async def _switch(self, fault: HttpFault | None) -> None:
        self._fault, self.struck = fault, 0

    async def _start(self) -> None:
        # Bytes are passed unchanged: compressed bodies stay compressed.
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0, backlog=4096).start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self._striking(request)
        if fault is not None and fault.instead is not None:
            return await _send(request, fault.instead)
        try:
            reply = await self._ask(request, body)
        except aiohttp.ClientError:  # the server behind is away: so is its proxy
            return await _send(request, Reply(status=502, body=b"", cut=0.0))
        if fault is not None and fault.shape is not None:
            reply = fault.shape(reply)
        return await _send(request, reply)

    def _striking(self, request: web.Request) -> HttpFault | None:
        fault = self._fault
        if fault is None or not fault.only(request) or (fault.most is not None and self.struck >= fault.most):
            return None
        self.struck += 1
        return fault

    async def _ask(self, request: web.Request, body: bytes) -> Reply:
        url = URL(f"http://{LOOPBACK}:{self._upstream}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with self._session.request(
            request.method, url, headers=headers, data=io.BytesIO(body) if body else None, allow_redirects=False
        ) as reply:
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in _HOP}
            if request.method == "HEAD":
                kept["Content-Length"] = reply.headers.get("Content-Length", "0")
            if (coding := reply.headers.get("Content-Encoding")) is not None:
                kept["Content-Encoding"] = coding
            return Reply(status=reply.status, body=await reply.read(), headers=kept)


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    if reply.cut is None:
        if request.method == "HEAD":
            head = web.StreamResponse(status=reply.status, headers=reply.headers)
            await head.prepare(request)
            return head
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    cut = web.StreamResponse(status=reply.status, headers=reply.headers)
    cut.content_length = len(reply.body)
    await cut.prepare(request)
    await cut.write(reply.body[: int(len(reply.body) * reply.cut)])
    if request.transport is not None:
        request.transport.close()  # after what is in its buffer
    return cut


@contextmanager
def http_proxy(loop: Loop, upstream: int) -> Iterator[HttpProxy]:
    proxy = HttpProxy(loop, upstream)
    try:
        yield proxy
    finally:
        proxy.close()
