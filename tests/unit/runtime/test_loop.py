"""The loop's thread ends what it is given, whatever comes first: the work's end, its deadline, or the loop's."""

import asyncio
import inspect
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from concurrent.futures import ThreadPoolExecutor as Pool
from typing import Any

import pytest

from spar.errors import DeadlineExceeded
from spar.runtime.loop import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    yield loop
    loop.close()


async def forever() -> None:
    await asyncio.Event().wait()


def is_closed(work: Coroutine[Any, Any, Any]) -> bool:
    return inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


def test_work_comes_back_or_is_cut_off(loop: LoopThread) -> None:
    async def three() -> int:
        return 3

    assert loop.run(three(), 60.0) == 3
    with pytest.raises(DeadlineExceeded):
        loop.run(forever(), 0.01)


def test_work_that_is_cancelled_before_its_first_step_is_closed(loop: LoopThread) -> None:
    held, go, work = threading.Event(), threading.Event(), forever()

    async def hold() -> None:
        held.set()
        go.wait()

    with Pool(3) as pool:
        pool.submit(loop.run, hold())
        held.wait()
        pool.submit(loop.cancel_all)
        _wait_for_queue(loop, 1)
        ended = pool.submit(loop.run, work)
        _wait_for_queue(loop, 2)
        go.set()
        with pytest.raises(CancelledError):
            ended.result()
    assert is_closed(work)


def test_a_closed_loop_takes_no_work() -> None:
    loop, work = LoopThread(), forever()
    loop.close()
    with pytest.raises(CancelledError):
        loop.run(work)
    assert is_closed(work)


def _wait_for_queue(loop: LoopThread, calls: int) -> None:
    """Until so many calls from other threads wait for the loop."""
    while len(loop._loop._ready) < calls:  # type: ignore[attr-defined]
        time.sleep(0.001)
