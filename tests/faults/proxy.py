"""A TCP proxy on loopback that can misbehave on request while connections are open.

One asyncio loop in a separate thread serves all proxies; changes of behaviour apply to open connections too. Bytes are
withheld, never dropped, as in TCP: a healed proxy delivers what it withheld. Knows no protocol; faults of HTTP replies
are in `http_proxy`.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

CHUNK = 1 << 16  # bytes forwarded at once
CALL_S = 20.0  # for a call into the loop, which waits only for loopback sockets
LOOPBACK = "127.0.0.1"

T = TypeVar("T")


class Link(StrEnum):
    """What a proxy does with connections and their bytes."""

    PASS = "pass"
    REFUSE = "refuse"  # not listening; open connections are reset
    HANG = "hang"  # accepts, and forwards nothing in either direction
    MUTE = "mute"  # requests arrive, replies do not
    DEAF = "deaf"  # requests do not arrive, replies do
    CUT = "cut"  # every connection is reset after some bytes of the reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """`delay_s` precedes every chunk; `cut_after` is the number of reply bytes that pass before a CUT."""

    link: Link = Link.PASS
    delay_s: float = 0.0
    cut_after: int = 0


PASS = Behaviour()


class Loop:
    """An event loop in a thread, for proxies that synchronous tests control."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faults-proxy", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_S)

    def close(self) -> None:
        self.call(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_S)
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def proxy_loop() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


class TcpProxy:
    """Listens on its own port, which it keeps while it refuses connections; forwards to `upstream`."""

    def __init__(self, loop: Loop, upstream: int) -> None:
        self._loop = loop
        self._upstream = upstream
        self._behaviour = PASS
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        loop.call(self._listen())

    def switch(self, behaviour: Behaviour) -> None:
        """Apply a behaviour from now on, to open connections too."""
        self._loop.call(self._switch(behaviour))

    def reset(self) -> None:
        """Reset every open connection, once; new ones are served."""
        self._loop.call(self._abort())

    def close(self) -> None:
        self._loop.call(self._close())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _switch(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._changed.set()
        self._changed = asyncio.Event()
        if behaviour.link is Link.REFUSE:
            await self._close()
        elif self._server is None:
            await self._listen()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._abort()

    async def _abort(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            there, upstream = await asyncio.open_connection(LOOPBACK, self._upstream, limit=CHUNK)
            self._writers.add(upstream)
            await _first_to_end(
                self._pump(reader, upstream, {Link.HANG, Link.DEAF}),
                self._pump(there, writer, {Link.HANG, Link.MUTE}, cuts=True),
            )
        except OSError:
            pass  # one side has closed, so the other is closed too
        finally:
            # A stream that has ended is closed cleanly, after its buffer has been sent; a cut one is reset.
            for each in filter(None, (writer, upstream)):
                self._writers.discard(each)
                if self._behaviour.link is Link.CUT:
                    _reset(each)
                else:
                    each.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        withheld: set[Link],
        cuts: bool = False,
    ) -> None:
        """Forward until the end of the stream; while the link is one of `withheld`, keep what was read."""
        passed = 0
        while data := await reader.read(CHUNK):
            if self._behaviour.delay_s:
                await asyncio.sleep(self._behaviour.delay_s)
            while self._behaviour.link in withheld:
                await self._changed.wait()
            if cuts and self._behaviour.link is Link.CUT:
                data = data[: max(0, self._behaviour.cut_after - passed)]
                writer.write(data)
                with suppress(OSError):
                    await writer.drain()
                return
            passed += len(data)
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset: without this option an idle one would be closed cleanly."""
    known = writer.get_extra_info("socket")
    if known is not None and known.fileno() >= 0:
        known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _first_to_end(*pumps: Coroutine[Any, Any, None]) -> None:
    """A stream that ends in one direction ends the connection: none of our protocols half-closes."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result


@contextmanager
def tcp_proxy(loop: Loop, upstream: int) -> Iterator[TcpProxy]:
    proxy = TcpProxy(loop, upstream)
    try:
        yield proxy
    finally:
        proxy.close()


Switch = Callable[[Behaviour], None]
