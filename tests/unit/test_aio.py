"""Running at once: order, the first failure, and nothing left running."""

import asyncio

import pytest

from spar.aio import despite_failures, gather
from spar.errors import EngineError, EngineUnavailable, ModelUnusable


async def test_results_come_in_the_order_of_the_work() -> None:
    turn = asyncio.Event()

    async def first() -> str:
        await turn.wait()
        return "first"

    async def second() -> str:
        turn.set()
        return "second"

    assert await gather([first(), second()]) == ["first", "second"]


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
        await gather([waits(), fails()])
    assert stopped == [True]


async def test_a_cancelled_caller_leaves_nothing_running() -> None:
    began, stopped = asyncio.Event(), []

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    running = asyncio.create_task(gather([waits()]))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped == [True]


async def _one(number: int) -> int:
    if number < 0:
        raise EngineUnavailable(f"{number}")
    return number


async def test_failures_that_are_tolerated_leave_the_others() -> None:
    found, failures = await despite_failures((_one(n) for n in (1, -2, 3, -4)), EngineUnavailable, ModelUnusable)
    assert found == [1, 3]
    assert [(place, error.what) for place, error in failures] == [(1, "-2"), (3, "-4")]


async def test_several_failures_in_a_row_are_raised() -> None:
    with pytest.raises(EngineUnavailable):
        await despite_failures((_one(-n) for n in range(1, 100)), EngineUnavailable, ModelUnusable)


async def test_what_is_hopeless_is_raised_at_once() -> None:
    with pytest.raises(EngineUnavailable, match="-2"):
        await despite_failures((_one(n) for n in (1, -2, 3)), EngineError, EngineUnavailable)
