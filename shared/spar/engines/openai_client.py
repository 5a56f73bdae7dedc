"""HTTP to an OpenAI-compatible server: one session, a bounded window, retries with back-off. Knows no conversation.

aiohttp without a connection limit: 200 concurrent requests cost it 0.04 CPU-seconds where httpx needs 5 (measured).
"""

import asyncio
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from spar.engines.openai_replies import KEY_VARIABLE, error_message
from spar.errors import DeadlineExceeded, EngineUnavailable, RecipeError

ATTEMPTS = 6
"""With the back-off below about 15 s in all: a server's restart of its front end, not of its engine."""
LIST_DEADLINE = 60.0  # seconds for a list of names, retries included; nothing is computed for it
_FIRST_WAIT = 0.25  # seconds; doubles
_LONGEST_WAIT = 30.0  # seconds; also the most that a Retry-After can ask for
_WORTH_ANOTHER_TRY = frozenset({429, 500, 502, 503})
_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)
"""Connections that could not be made, or broke: the server forgets a request whose client is gone."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes


class OpenAIClient:
    """Made on any thread, used on one event loop. `url` is the base URL; the key comes from the environment.

    Connections that broke are tried again, and replies with a status that is `retried`: `attempts` times in all.
    """

    def __init__(
        self,
        url: str,
        window: int,
        deadline_s: float,
        attempts: int = ATTEMPTS,
        retried: frozenset[int] = _WORTH_ANOTHER_TRY,
        key_variable: str = KEY_VARIABLE,
    ) -> None:
        self._url = base_url(url)
        self.place = str(self._url.with_user(None))
        self._window = asyncio.Semaphore(window)
        self._deadline = deadline_s
        self._attempts = attempts
        self._retried = retried
        self._key_variable = key_variable
        self._session: aiohttp.ClientSession | None = None
        self._jitter = random.Random()  # spreads retries; no result depends on it

    async def post(self, path: str, body: Mapping[str, Any]) -> HttpReply:
        """Send JSON; the deadline starts once the window lets it out, and covers every attempt."""
        async with self._window:
            return await self._within_deadline("POST", path, body, self._deadline)

    async def get(self, path: str) -> HttpReply:
        return await self._within_deadline("GET", path, None, LIST_DEADLINE)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _within_deadline(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: float
    ) -> HttpReply:
        try:
            async with asyncio.timeout(deadline):
                return await self._with_retries(method, path, body)
        except TimeoutError:
            # Not sent again: the server may well have finished, and would only do it twice.
            raise DeadlineExceeded(
                f"{self.place} had no reply within {deadline:g} s.",
                "Raise engine.deadline_s, lower max_tokens, or look at the server's load.",
            ) from None

    async def _with_retries(self, method: str, path: str, body: Mapping[str, Any] | None) -> HttpReply:
        for attempt in range(1, self._attempts + 1):
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)) * self._jitter.uniform(0.5, 1.5)
            try:
                async with self._open().request(method, self._url / path, json=body) as response:
                    reply = HttpReply(response.status, await response.read())
                    wait = max(wait, _retry_after(response.headers))
                if reply.status not in self._retried:
                    return reply
                why = f"HTTP {reply.status}: {error_message(reply.body)}"
            except aiohttp.ClientError as error:
                if not isinstance(error, _LOST):
                    raise self._unavailable(f"{type(error).__name__}: {error}") from error
                why = str(error) or type(error).__name__
            if attempt < self._attempts:
                await asyncio.sleep(wait)
        raise self._unavailable(f"{why}, {self._attempts} times")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            key = os.environ.get(self._key_variable, "").strip()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),  # the deadline is ours
                headers={"Authorization": f"Bearer {key}"} if key else None,
            )
        return self._session

    def _unavailable(self, why: str) -> EngineUnavailable:
        return EngineUnavailable(
            f"{self.place} cannot be used ({why}).",
            "Check that the server runs and that engine.url is its address; then go on.",
        )


def base_url(text: str) -> URL:
    """The base URL of the API; a bare address gets the usual /v1."""
    try:
        url = URL(text)
    except ValueError as error:
        raise _bad_url(text) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise _bad_url(text)
    return url / "v1" if url.path in ("", "/") else url.with_path(url.path.rstrip("/"))


def _bad_url(text: str) -> RecipeError:
    return RecipeError(
        f"'{text}' is not the URL of a server.", "Set engine.url to something like http://localhost:8000/v1."
    )


def _retry_after(headers: Mapping[str, str]) -> float:
    said = headers.get("Retry-After", "")
    return min(float(said), _LONGEST_WAIT) if said.isdigit() else 0.0
