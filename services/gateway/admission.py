"""How many requests are worked on at once, and how many may wait for that. Knows nothing of what they ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.errors import GatewayRefusal

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds. Places become free all the time; clients back off by themselves when refused again."""


class Admission:
    """Places for requests, first come first served. One event loop."""

    def __init__(self, running: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(running)
        self._most_waiting = waiting
        self.running = self.waiting = 0

    @asynccontextmanager
    async def place(self, due: float) -> AsyncIterator[None]:
        """Hold a place; `due` is the loop time until which it is worth waiting for. Raises a Refusal (429)."""
        if self._places.locked() and self.waiting >= self._most_waiting:
            raise _busy("queue_full", f"{self.running} requests are worked on and {self.waiting} wait.")
        self.waiting += 1
        try:
            async with asyncio.timeout_at(due):
                await self._places.acquire()
        except TimeoutError:
            raise _busy("queue_timeout", "The request's deadline passed while it waited for a place.") from None
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._places.release()


def _busy(code: str, what: str) -> GatewayRefusal:
    return GatewayRefusal(
        429, code, what, "Send it again later, or start the gateway with more places.", headers=RETRY_AFTER
    )
