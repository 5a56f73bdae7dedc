"""Asking at once: order, the first failure, and nothing left running."""

import asyncio

import pytest

from spar.errors import EngineUnavailable
from spar.evaluation.asking import ask_all


async def test_replies_come_in_the_order_of_the_asks() -> None:
    turn = asyncio.Event()

    async def first() -> str:
        await turn.wait()
        return "first"

    async def second() -> str:
        turn.set()
        return "second"

    assert await ask_all([first(), second()]) == ["first", "second"]


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
        await ask_all([waits(), fails()])
    assert stopped == [True]


async def test_a_cancelled_measurement_leaves_nothing_running() -> None:
    began, stopped = asyncio.Event(), []

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    measuring = asyncio.create_task(ask_all([waits()]))
    await began.wait()
    measuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    assert stopped == [True]
