"""Runs many coroutines at once. Knows nothing of what they do."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class Patience:
    """Tells failures of single items from one of all: several in a row, and none that succeeded, are raised."""

    def __init__(self, most_in_a_row: int = 5) -> None:
        self._most = most_in_a_row
        self._in_a_row = 0

    def succeeded(self) -> None:
        self._in_a_row = 0

    def failed(self, error: Exception) -> None:
        """Raises the error, if it is one too many."""
        self._in_a_row += 1
        if self._in_a_row >= self._most:
            raise error


async def despite_failures(
    work: Iterable[Coroutine[Any, Any, T]], tolerated: type[E], hopeless: type[Exception]
) -> tuple[list[T], list[tuple[int, E]]]:
    """What succeeded, in order, and what failed with a `tolerated` error, by its place.

    Raises as `Patience` does, and a `hopeless` error at once: it would meet every item.
    """
    patience = Patience()
    failures: list[tuple[int, E]] = []

    async def one(place: int, each: Coroutine[Any, Any, T]) -> list[T]:
        try:
            result = await each
        except hopeless:
            raise
        except tolerated as error:
            failures.append((place, error))
            patience.failed(error)
            return []
        patience.succeeded()
        return [result]

    found = await gather(one(place, each) for place, each in enumerate(work))
    return [result for results in found for result in results], sorted(failures, key=lambda failure: failure[0])


async def gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. The first failure stops the others and is raised as it is, in no group."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # Cancelled tasks have ended before the caller continues: the engine's window is free again.
        await asyncio.gather(*tasks, return_exceptions=True)
