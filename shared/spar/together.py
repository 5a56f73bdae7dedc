"""Runs many coroutines at once. Knows nothing of what they do."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. The first failure stops the others and is raised as it is, in no group."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # Whoever was cancelled has ended before the caller goes on: the engine's window is free again.
        await asyncio.gather(*tasks, return_exceptions=True)
