"""A model whose replies are written down as they come: a measurement that stopped goes on without asking again.

It is a `ChatModel` around another one, so it serves every benchmark alike, down to the votes of a search. The model
itself is served at the first call that the book does not know: one that is known whole needs no engine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.evaluation.call_book import CallBook, call_key
from spar.method.records import Message


class RememberingModel:
    """`asked` and `remembered` count calls; one event loop."""

    def __init__(self, book: CallBook, serve: Callable[[], Awaitable[ChatModel]]) -> None:
        self._book = book
        self._serve = serve
        self._serving: asyncio.Future[ChatModel] | None = None
        self.asked = 0
        self.remembered = 0

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        call = call_key(messages, n, sampling, seed)
        known = self._book.get(call)
        if known is not None:
            self.remembered += 1
            return known
        completions = await (await self._chat()).sample(messages, n, sampling, seed)
        self._book.put(call, completions)
        self.asked += 1
        return completions

    async def _chat(self) -> ChatModel:
        if self._serving is None:
            self._serving = asyncio.ensure_future(self._serve())
        # Shielded: one caller that gives up must not stop the loading that others wait for.
        return await asyncio.shield(self._serving)
