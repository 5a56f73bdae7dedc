"""Checks of the API's dependencies for /ready: one at a time for each, and no request waits longer than a few seconds.

They run in threads of their own, since the threads of requests may all be waiting for the dependency that is checked.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import Depends, Request

READY_S = 3.0
"""Shorter than a health check's timeout (`spar.runtime.health`)."""
THINGS = 4


class Looks:
    """A check that hangs is shared by all requests that follow; no second one is started."""

    def __init__(self, within_s: float = READY_S) -> None:
        self._within_s = within_s
        self._threads = ThreadPoolExecutor(THINGS, thread_name_prefix="spar-ready")
        self._under_way: dict[str, asyncio.Future[str]] = {}

    async def at(self, thing: str, look: Callable[[], str]) -> str:
        """The result of `look`, or that it took too long."""
        found = self._under_way.get(thing)
        if found is None or found.done():
            found = self._under_way[thing] = asyncio.get_running_loop().run_in_executor(self._threads, look)
        try:
            return await asyncio.wait_for(asyncio.shield(found), self._within_s)
        except TimeoutError:
            return f"no reply within {self._within_s:g} s"


async def _looks(request: Request) -> Looks:
    looks: Looks = request.app.state.looks
    return looks


LooksOfApp = Annotated[Looks, Depends(_looks)]
