"""Several timed servers as one engine: each step uses the least loaded server, and requests may be refused."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

from benchmarks.data_phase.workload import Workload, kind_of, reply_span, spans_of
from spar.engines.base import Completion, Sampling
from spar.errors import EngineUnavailable
from spar.method.records import Message
from spar.testing.batching import CostModel
from spar.testing.prefix_cache import PrefixCache
from spar.testing.timed_server import StepTokens, TimedServer

TRIES, PAUSE_S = 5, 2.0
"""Tries per request, as by a client of a busy server; the pause doubles."""


class Fleet:
    """`refusals`: the share of requests refused, by status."""

    def __init__(
        self, servers: int, costs: CostModel, cache_tokens: int, refusals: dict[int, float], seed: int = 0
    ) -> None:
        self.servers = [TimedServer(costs, PrefixCache(cache_tokens)) for _ in range(servers)]
        self.costs = costs
        self.refused: Counter[int] = Counter()
        self.abandoned = 0
        self._refusals = refusals
        self._draw = Random(seed)

    def least_loaded(self) -> TimedServer:
        return min(self.servers, key=lambda server: server.load)

    async def admitted(self) -> None:
        """Retry like a client whose requests are refused. Raises EngineUnavailable when it gives up."""
        for attempt in range(TRIES):
            status = self._refused()
            if status is None:
                return
            self.refused[status] += 1
            await asyncio.sleep(PAUSE_S * 2**attempt)
        self.abandoned += 1
        raise EngineUnavailable(f"The server refused a request {TRIES} times.", "The benchmark simulates this.")

    def _refused(self) -> int | None:
        place = self._draw.random() if self._refusals else 1.0
        for status, share in self._refusals.items():
            if place < share:
                return status
            place -= share
        return None

    def tokens(self) -> dict[str, StepTokens]:
        """By step, over all servers."""
        total: dict[str, StepTokens] = {}
        for server in self.servers:
            for kind, one in server.stats.by_kind.items():
                mine = total.setdefault(kind, StepTokens())
                mine.requests += one.requests
                mine.prompt += one.prompt
                mine.cached += one.cached
                mine.completion += one.completion
        return total


class TimedModel:
    """A `ChatModel` on one server of the fleet."""

    def __init__(self, fleet: Fleet, server: TimedServer, workload: Workload, prefix: str = "") -> None:
        """`prefix` distinguishes the requests of a step from requests of the same form by another step."""
        self._fleet, self._server, self._workload, self._prefix = fleet, server, workload, prefix

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        await self._fleet.admitted()
        kind = kind_of(messages)
        prompt = spans_of(messages)
        texts = [self._workload.reply(kind, messages, seed + index) for index in range(n)]
        replies = [reply_span(text) for text in texts]
        await self._server.decode(self._prefix + kind, prompt, replies)
        length = sum(span.tokens for span in prompt)
        return [
            Completion(text=text, finish_reason="stop", prompt_tokens=length, completion_tokens=reply.tokens)
            for text, reply in zip(texts, replies, strict=True)
        ]
