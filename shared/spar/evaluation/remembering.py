"""A model whose replies are recorded as they arrive: a measurement that stopped is resumed without repeating calls.

It is a `ChatModel` around another one, so it works for every benchmark, down to the votes of a search. The model itself
is served at the first call that the book does not hold: a measurement that is recorded completely needs no engine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.evaluation.call_book import CallBook, call_key
from spar.method.records import Message


class RememberingModel:
    """`sent` and `remembered` count calls; one event loop."""

    def __init__(self, book: CallBook, serve: Callable[[], Awaitable[ChatModel]]) -> None:
        self._book = book
        self._serve = serve
        self._serving: asyncio.Future[ChatModel] | None = None
        self.sent = 0
        self.remembered = 0

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        call = call_key(messages, n, sampling, seed)
        known = self._book.get(call)
        if known is not None:
            self.remembered += 1
            return known
        completions = await (await self._chat()).sample(messages, n, sampling, seed)
        self._book.put(call, completions)
        self.sent += 1
        return completions

    async def _chat(self) -> ChatModel:
        if self._serving is None:
            self._serving = asyncio.ensure_future(self._serve())
        # Shielded: one caller that gives up must not stop the loading that others wait for.
        return await asyncio.shield(self._serving)
