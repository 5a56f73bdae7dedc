"""Asks many things at once: the engine batches them. Knows nothing of what is asked."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def ask_all(asks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All replies, in order. The first failure stops the others and is raised as it is, in no group."""
    tasks = [asyncio.create_task(ask) for ask in asks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # Whoever was cancelled has ended before the caller goes on: the engine's window is free again.
        await asyncio.gather(*tasks, return_exceptions=True)
