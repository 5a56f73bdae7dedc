"""One event loop in a thread of its own: Celery's pool threads hand it coroutines and wait for them.

All engine calls of a process run here together, so that they can be batched. Knows nothing of tasks or steps.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import structlog

from spar.errors import DeadlineExceeded

log = structlog.get_logger()

PULSE_S = 1.0
STOP_S = 30.0

T = TypeVar("T")


class LoopThread:
    """A running event loop. `run` may be called from any thread but its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._beat = time.monotonic()
        self._loop.call_soon(self._pulse)
        self._thread = threading.Thread(target=self._loop.run_forever, name="spar-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], deadline_s: float | None = None) -> T:
        """Wait for the work; past the deadline it is cancelled and DeadlineExceeded raised.

        Raises concurrent.futures.CancelledError if the loop is closed, or closing before the work ends.
        """
        with self._lock:
            if self._closed:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(_within(work, deadline_s), self._loop)
        # What is cancelled before its first step is closed by nobody else.
        future.add_done_callback(lambda _: work.close())
        return future.result()

    @property
    def silent_s(self) -> float:
        """Since the loop last had a turn for everything that waits: long if something on it blocks."""
        return time.monotonic() - self._beat

    def cancel_all(self) -> None:
        """Cancel what runs and let it end; what does not end within a while is left to end with the process."""
        try:
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(STOP_S)
        except TimeoutError:
            log.warning("work_not_cancelled", seconds=STOP_S)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self.cancel_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _pulse(self) -> None:
        self._beat = time.monotonic()
        self._loop.call_later(PULSE_S, self._pulse)


async def _within(work: Coroutine[Any, Any, T], deadline_s: float | None) -> T:
    try:
        async with asyncio.timeout(deadline_s) as limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded(
            f"The work took longer than its deadline of {deadline_s:g} s.",
            "Raise dispatch.step_deadline_s or training_deadline_s in the recipe, or look why the engine is slow.",
        ) from error


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
