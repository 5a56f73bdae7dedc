"""Running at once: order, the first failure, and nothing left running."""

import asyncio

import pytest

from spar.errors import EngineUnavailable
from spar.together import together


async def test_results_come_in_the_order_of_the_work() -> None:
    turn = asyncio.Event()

    async def first() -> str:
        await turn.wait()
        return "first"

    async def second() -> str:
        turn.set()
        return "second"

    assert await together([first(), second()]) == ["first", "second"]


async def test_the_first_failure_is_raised_as_it_is_and_stops_the_rest() -> None:
    stopped = []

    async def fails() -> None:
        raise EngineUnavailable("gone")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    with pytest.raises(EngineUnavailable, match="gone"):
        await together([waits(), fails()])
    assert stopped == [True]


async def test_a_cancelled_caller_leaves_nothing_running() -> None:
    began, stopped = asyncio.Event(), []

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    running = asyncio.create_task(together([waits()]))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped == [True]
