"""A clock that passes as it does on a continuous-batching engine: what many sequences cost when decoded together.

A step decodes one token of every running sequence and takes `step_base` plus `step_per_sequence` for each; admitting
a request adds its prefill. At most `max_sequences` run; others queue, first come first served. The batch lives on a
clock of its own that real time follows: a late wake-up makes the next wait shorter, so the machine's load does not
slow the server down. Knows nothing of HTTP or text.
"""

import asyncio
import heapq
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import count


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """Seconds; the defaults resemble an 8B model on one large GPU."""

    max_sequences: int = 256
    step_base: float = 0.008
    step_per_sequence: float = 0.00003
    prefill_per_token: float = 0.00001

    def step(self, running: int) -> float:
        return self.step_base + self.step_per_sequence * running

    def always_full_s(self, decoded: int, prefilled: int) -> float:
        """Seconds that so many tokens take on a server that is always full."""
        steps = decoded / self.max_sequences
        return steps * self.step(self.max_sequences) + prefilled * self.prefill_per_token


@dataclass(slots=True, kw_only=True)
class BatchStats:
    """What was done so far. `busy_s` is time on the batch's own clock with at least one sequence running."""

    requests: int = 0
    sequences: int = 0
    prompt_tokens: int = 0
    sequence_steps: int = 0
    busy_s: float = 0.0
    occupancy_s: float = 0.0
    """Sequences running, summed over busy time: divide by `busy_s` for the mean."""

    def always_full_s(self, costs: CostModel) -> float:
        """Seconds that the same tokens need on a server that is always full."""
        return costs.always_full_s(self.sequence_steps, self.prompt_tokens)

    def as_json(self, costs: CostModel) -> dict[str, float]:
        mean = self.occupancy_s / self.busy_s if self.busy_s else 0.0
        return {**asdict(self), "mean_occupancy": mean, "always_full_s": self.always_full_s(costs)}


@dataclass(slots=True, kw_only=True)
class _Request:
    """The first sequence admitted pays for the prompt; siblings share it."""

    prompt_tokens: int
    done: asyncio.Future[None]
    left: int
    prefilled: bool = False


@dataclass(order=True, slots=True, kw_only=True)
class _Running:
    last_step: int
    order: int
    request: _Request = field(compare=False)


class ContinuousBatch:
    """Use `run()` as a task; `decode` from any other task of the same loop."""

    def __init__(self, costs: CostModel) -> None:
        self.costs = costs
        self.stats = BatchStats()
        self._queue: deque[tuple[int, _Request]] = deque()
        self._running: list[_Running] = []
        self._order = count()
        self._steps = 0
        self._arrival = asyncio.Event()

    async def decode(self, prompt_tokens: int, lengths: list[int]) -> None:
        """Return when sequences of these lengths, over one prompt, would be done. Cancelling frees their places."""
        request = _Request(
            prompt_tokens=prompt_tokens, done=asyncio.get_running_loop().create_future(), left=len(lengths)
        )
        self.stats.requests += 1
        self._queue.extend((max(1, length), request) for length in lengths)
        self._arrival.set()
        try:
            await request.done
        finally:
            if request.left:
                self._forget(request)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        clock = loop.time()
        while True:
            if not self._running and not self._queue:
                self._arrival.clear()
                await self._arrival.wait()
                clock = loop.time()
            clock += self._step()
            # Also when late: requests must get a chance to arrive between two steps.
            await asyncio.sleep(max(0.0, clock - loop.time()))
            self._finish()

    def _step(self) -> float:
        prefill = self._admit()
        running = len(self._running)
        seconds = self.costs.step(running) + prefill
        self._steps += 1
        self.stats.sequence_steps += running
        self.stats.busy_s += seconds
        self.stats.occupancy_s += running * seconds
        return seconds

    def _admit(self) -> float:
        seconds = 0.0
        while self._queue and len(self._running) < self.costs.max_sequences:
            length, request = self._queue.popleft()
            if not request.prefilled:
                request.prefilled = True
                self.stats.prompt_tokens += request.prompt_tokens
                seconds += request.prompt_tokens * self.costs.prefill_per_token
            heapq.heappush(
                self._running, _Running(last_step=self._steps + length, order=next(self._order), request=request)
            )
            self.stats.sequences += 1
        return seconds

    def _finish(self) -> None:
        while self._running and self._running[0].last_step <= self._steps:
            request = heapq.heappop(self._running).request
            request.left -= 1
            if not request.left and not request.done.done():
                request.done.set_result(None)

    def _forget(self, request: _Request) -> None:
        request.left = 0
        self._queue = deque(item for item in self._queue if item[1] is not request)
        self._running = [running for running in self._running if running.request is not request]
        heapq.heapify(self._running)
