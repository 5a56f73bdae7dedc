"""A model server as a clock: when sequences of known lengths would be done, with a prefix cache, and what they cost.

A step decodes one token of every running sequence, as in `spar.testing.batching`; this one jumps from one change of the
batch to the next, so that on a loop of `spar.testing.clock` an hour of a full server takes seconds. It knows no text:
requests are spans and lengths. Sequences end, are cancelled, and begin at step boundaries only.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from math import ceil

from spar.testing.batching import CostModel
from spar.testing.prefix_cache import PrefixCache, Span


@dataclass(slots=True, kw_only=True)
class StepTokens:
    """What one kind of request took: `prompt` counts a prompt once for all its samples; `cached` is part of it."""

    requests: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def engine_s(self, costs: CostModel) -> float:
        """Seconds that these tokens take on a server that is always full."""
        return costs.always_full_s(self.completion, self.prompt - self.cached)


@dataclass(slots=True, kw_only=True)
class ServerStats:
    """`busy_s` is time with at least one sequence running; `occupancy_s` sequences running, summed over it."""

    by_kind: dict[str, StepTokens] = field(default_factory=dict)
    busy_s: float = 0.0
    occupancy_s: float = 0.0
    refused: Counter[int] = field(default_factory=Counter)

    def of(self, kind: str) -> StepTokens:
        return self.by_kind.setdefault(kind, StepTokens())


@dataclass(slots=True, kw_only=True, eq=False)
class _Request:
    kind: str
    prompt: tuple[Span, ...]
    replies: Sequence[Span]
    done: asyncio.Future[None]
    left: int
    prefilled: bool = False
    cancelled: bool = False


@dataclass(order=True, slots=True, kw_only=True)
class _Sequence:
    last_step: int
    order: int
    first_step: int = field(compare=False)
    request: _Request = field(compare=False)
    reply: Span = field(compare=False)


class TimedServer:
    """Use `run()` as a task; `decode` from any other task of the same loop."""

    def __init__(self, costs: CostModel, cache: PrefixCache) -> None:
        self.costs = costs
        self.stats = ServerStats()
        self._cache = cache
        self._queue: deque[tuple[_Request, Span]] = deque()
        self._running: list[_Sequence] = []
        self._order = count()
        self._steps = 0
        self._changed = asyncio.Event()

    @property
    def load(self) -> int:
        """Sequences that are running or queued."""
        return len(self._running) + len(self._queue)

    async def decode(self, kind: str, prompt: tuple[Span, ...], replies: Sequence[Span]) -> None:
        """Return when these replies to one prompt would be done. Cancelling frees their slots."""
        done = asyncio.get_running_loop().create_future()
        request = _Request(kind=kind, prompt=prompt, replies=replies, done=done, left=len(replies))
        self.stats.of(kind).requests += 1
        self._queue.extend((request, reply) for reply in replies)
        self._changed.set()
        try:
            await done
        except asyncio.CancelledError:
            request.cancelled = True
            self._changed.set()
            raise

    async def run(self) -> None:
        while True:
            if not self.load:
                await self._changed.wait()
            self._changed.clear()
            prefill_s = self._admit()
            if self._running:
                await self._advance(prefill_s)
                self._finish()

    async def _advance(self, prefill_s: float) -> None:
        """Decode until a sequence is done, or until the step in which the batch may change."""
        loop = asyncio.get_running_loop()
        began, running = loop.time(), len(self._running)
        step_s = self.costs.step(running)
        steps = self._running[0].last_step - self._steps
        try:
            async with asyncio.timeout(prefill_s + steps * step_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        else:
            passed = loop.time() - began - prefill_s
            steps = min(steps, max(1, ceil(passed / step_s - 1e-9)))
            await asyncio.sleep(max(0.0, prefill_s + steps * step_s - (loop.time() - began)))
        seconds = prefill_s + steps * step_s
        self._steps += steps
        self.stats.busy_s += seconds
        self.stats.occupancy_s += running * seconds

    def _admit(self) -> float:
        """Fill the batch from the queue; returns the seconds that the new prompts take."""
        seconds = 0.0
        while self._queue and len(self._running) < self.costs.max_sequences:
            request, reply = self._queue[0]
            if not request.cancelled:
                if not self._cache.fits(reply.tokens):
                    break
                if not request.prefilled:
                    seconds += self._prefill(request)
                self._start(request, reply)
            self._queue.popleft()
        return seconds

    def _prefill(self, request: _Request) -> float:
        request.prefilled = True
        length, cached = sum(span.tokens for span in request.prompt), self._cache.read(request.prompt)
        tokens = self.stats.of(request.kind)
        tokens.prompt += length
        tokens.cached += cached
        return (length - cached) * self.costs.prefill_per_token

    def _start(self, request: _Request, reply: Span) -> None:
        self._cache.reserve(reply.tokens)
        sequence = _Sequence(
            last_step=self._steps + max(1, reply.tokens),
            order=next(self._order),
            first_step=self._steps,
            request=request,
            reply=reply,
        )
        heapq.heappush(self._running, sequence)

    def _finish(self) -> None:
        if any(sequence.request.cancelled for sequence in self._running):
            for sequence in [one for one in self._running if one.request.cancelled]:
                self._running.remove(sequence)
                self._end(sequence)
            heapq.heapify(self._running)
        while self._running and self._running[0].last_step <= self._steps:
            sequence = heapq.heappop(self._running)
            self._end(sequence)
            request = sequence.request
            self._cache.add((*request.prompt, sequence.reply))
            request.left -= 1
            if not request.left:
                with suppress(asyncio.InvalidStateError):  # cancelled in this very moment
                    request.done.set_result(None)

    def _end(self, sequence: _Sequence) -> None:
        self._cache.release(sequence.reply.tokens)
        self.stats.of(sequence.request.kind).completion += self._steps - sequence.first_step
