"""HTTP to an OpenAI-compatible server: one session, a bounded window, retries with back-off. Knows nothing of
conversations.

aiohttp without a connection limit: 200 concurrent requests cost it 0.04 CPU-seconds where httpx needs 5 (measured).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from yarl import URL

from spar.engines.openai_access import (
    KEY_VARIABLE,
    MOST_REDIRECTS,
    REDIRECTS,
    base_url,
    credentials,
    endpoint_url,
    redirect_loop,
    redirected,
    shown,
)
from spar.engines.openai_errors import ServerError, error_within, parsed, read_error
from spar.engines.openai_refusals import TRANSIENT, is_transient, refusal
from spar.engines.openai_waits import requested_wait
from spar.errors import DeadlineExceeded, EngineUnavailable

ATTEMPTS = 6
"""With the back-off below about 15 s in all: a server's restart of its front end, not of its engine."""
LIST_DEADLINE = 60.0  # seconds for a list of names, retries included; nothing is computed for it
MOST_BODY = 32 * 1024**2
"""Bytes of a reply: well above what a hundred long choices take as JSON."""
_HEAD = 2000  # bytes that are kept of a larger one
_FIRST_WAIT = 0.25  # seconds; doubles
_LONGEST_WAIT = 30.0  # seconds of back-off; a wait that the server names may be longer
_ROOM, _LEAST_ROOM = 2.0, 1.0  # times what the last attempt took; seconds
_SPREAD = 0.1  # share of a wait that the server names: calls that were refused together are not retried together
_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)
"""Connections that could not be made, or broke: a server drops a request whose client is gone."""

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """`data` is the body's JSON, None if it is none; `error` is the error that the server reports, with HTTP 200 too.

    `too_large`: the body exceeded MOST_BODY and was not read to its end.
    """

    status: int
    body: bytes
    data: Any
    error: ServerError | None
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that another may follow. `wait` is the wait that the server names, if any; `reply` is the result if no
    further attempt has a better one."""

    why: str
    error: ServerError | None = None
    wait: float | None = None
    reply: HttpReply | None = None


class OpenAIClient:
    """Created on any thread, used on one event loop. `url` is the base URL; the key comes from the environment.

    Retried are broken connections, replies with a status in `retried`, and bodies that are no JSON: `attempts` times in
    all. If a busy server names the time of the next attempt, the client waits for it within the call's deadline.
    """

    def __init__(  # noqa: PLR0913 - what a connection depends on, each passed plainly
        self,
        url: str,
        window: int,
        deadline_s: float,
        attempts: int = ATTEMPTS,
        retried: frozenset[int] = TRANSIENT,
        key_variable: str = KEY_VARIABLE,
        headers: Mapping[str, str] | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.url = base_url(url)
        self.place = shown(self.url)
        self.key_variable = key_variable
        self._window = asyncio.Semaphore(window)
        self._deadline = deadline_s
        self._attempts = attempts
        self._retried = retried
        self._headers = headers or {}
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None
        self._speaks_json = False
        """Whether it ever has: one that never did is more likely another kind of server than one behind a proxy."""
        self._jitter = random.Random()  # spreads retries; no result depends on it

    async def post(self, path: str, body: Mapping[str, Any]) -> HttpReply:
        """Send JSON; the deadline starts once the request leaves the window, and covers every attempt."""
        async with self._window:
            return await self._within_deadline("POST", endpoint_url(self.url, path), body, self._deadline)

    async def get(self, path: str, base: URL | None = None) -> HttpReply:
        return await self._within_deadline("GET", endpoint_url(base or self.url, path), None, LIST_DEADLINE)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _within_deadline(
        self, method: str, url: URL, body: Mapping[str, Any] | None, deadline: float
    ) -> HttpReply:
        try:
            async with asyncio.timeout(deadline):
                return await self._with_retries(method, url, body, asyncio.get_running_loop().time() + deadline)
        except TimeoutError:
            # Not sent again: the server may well have finished, and would repeat the same work.
            raise DeadlineExceeded(
                f"{self.place} had no reply within {deadline:g} s.",
                "Raise engine.deadline_s, lower max_tokens, or look at the server's load.",
            ) from None

    async def _with_retries(self, method: str, url: URL, body: Mapping[str, Any] | None, until: float) -> HttpReply:
        now = asyncio.get_running_loop().time
        attempt = 0
        while True:
            attempt += 1
            began = now()
            outcome = await self._attempt(method, url, body)
            if isinstance(outcome, HttpReply):
                return outcome
            if attempt >= self._attempts:
                return self._after_all(outcome)
            wait = self._wait(outcome, attempt, until)
            if outcome.reply is not None and until - now() < wait + max(_LEAST_ROOM, _ROOM * (now() - began)):
                return outcome.reply  # a reply that is bad each time must not turn into a missed deadline
            await self._pause(wait)

    def _after_all(self, failed: _Failed) -> HttpReply:
        """The result of the last attempt: an error, unless it has a reply."""
        if failed.reply is not None:
            return failed.reply
        if failed.error is not None:
            times = replace(failed.error, message=f"{failed.error.message}, {self._attempts} times")
            raise refusal(times, self.place, "", self.key_variable)
        raise self._unavailable(f"{failed.why}, {self._attempts} times")

    async def _attempt(self, method: str, url: URL, body: Mapping[str, Any] | None) -> HttpReply | _Failed:
        try:
            reply, headers = await self._exchange(method, url, body)
        except aiohttp.ClientError as error:
            if not isinstance(error, _LOST):
                raise self._unavailable(_message(error)) from None
            return _Failed(_message(error))
        self._speaks_json = self._speaks_json or reply.data is not None
        if self._speaks_json and reply.error is None and reply.data is None and not reply.too_large:
            return _Failed("a body that is no JSON", reply=reply)  # as a proxy sends before a server that restarts
        if reply.error is None or not is_transient(reply.error, self._retried):
            return reply
        wait = requested_wait(headers, reply.error.message, datetime.now(UTC))
        return _Failed(reply.error.message, reply.error, wait)

    async def _exchange(
        self, method: str, url: URL, body: Mapping[str, Any] | None
    ) -> tuple[HttpReply, Mapping[str, str]]:
        """A reply and its headers, redirects followed where they lead to the same server and keep the method."""
        for _ in range(MOST_REDIRECTS + 1):
            async with self._open().request(method, url, json=body, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or not location:
                    return _read(response.status, await _body(response)), response.headers
            url = redirected(method, url, response.status, location)
        raise redirect_loop(url)

    def _wait(self, failed: _Failed, attempt: int, until: float) -> float:
        """Seconds to the next attempt. Raises EngineUnavailable if the server names more than the call has left."""
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (attempt - 1)) * self._jitter.uniform(0.5, 1.5)
        if failed.wait is None:
            return wait
        left = until - asyncio.get_running_loop().time()
        if failed.wait >= left:
            raise EngineUnavailable(
                f"{self.place} is busy ({failed.why}): it wants no request for {failed.wait:g} s,"
                f" and this call has {max(0.0, left):.0f} s left.",
                "Run the command again later, raise engine.deadline_s, or lower engine.max_batch.",
            )
        return max(wait, min(failed.wait * (1 + self._jitter.uniform(0, _SPREAD)), left))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            known = credentials(self.url, self.key_variable, self._headers)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),  # the deadline is ours
                headers=known.headers,
                proxy=known.proxy,
            )
        return self._session

    def _unavailable(self, why: str) -> EngineUnavailable:
        return EngineUnavailable(
            f"{self.place} cannot be used ({why}).",
            "Check that the server runs and that engine.url is its address (proxies: HTTPS_PROXY, NO_PROXY); then run"
            " the command again.",
        )


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its beginning if it goes beyond MOST_BODY; the connection is then closed with the rest in it."""
    parts, size = list[bytes](), 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_BODY:
            break
    return b"".join(parts)


def _read(status: int, body: bytes) -> HttpReply:
    if len(body) > MOST_BODY:
        error = None if status == 200 else read_error(status, body[:_HEAD])
        return HttpReply(status, body[:_HEAD], None, error, too_large=True)
    if status != 200:
        return HttpReply(status, body, parsed(body), read_error(status, body))
    data = parsed(body)
    return HttpReply(status, body, data, error_within(body, data))


def _message(error: aiohttp.ClientError) -> str:
    """Not the library's own text for an HTTP error, which holds the whole URL, query included."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {error.status} {error.message}"
    if isinstance(error, aiohttp.InvalidURL):
        return type(error).__name__
    return str(error) or type(error).__name__
