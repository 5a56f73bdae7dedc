"""Calls in flight on an engine, so that closing it ends them with an error instead of leaving them waiting.

Knows nothing of what a call does; one event loop.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from spar.errors import EngineUnavailable

Result = TypeVar("Result")


class CallsInFlight:
    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closed = False

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await the work. Cancelling the caller cancels it; `close` ends it with EngineUnavailable."""
        if self.closed:
            work.close()
            raise self._closed_error()
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self.closed and (caller is None or not caller.cancelling()):
                raise self._closed_error() from None
            raise
        finally:
            self._tasks.discard(task)

    def check_open(self) -> None:
        if self.closed:
            raise self._closed_error()

    async def close(self) -> None:
        self.closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _closed_error(self) -> EngineUnavailable:
        return EngineUnavailable(f"The {self._engine} engine was closed.", "Create a new one to continue.")
