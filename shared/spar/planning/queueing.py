"""How long work takes on an engine of a known pace: a small simulation of calls that wait for one another.

Shards go through their kinds of steps in order, at most `window` steps at once, later kinds first, as the coordinator
dispatches them; beside them run calls that wait for nothing (an evaluation). Virtual steps make a step of all sequences
one event. Knows nothing of the calls' contents.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from spar.planning.pace import EnginePace

BESIDE = "evaluation"


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """A call to make once the call at position `after` of its chain is done; None: at once."""

    after: int | None
    prompt_tokens: int
    lengths: tuple[int, ...]
    seconds: float = 0.0
    """How long it was observed to take."""


Chain = Sequence[QueuedCall]
Shard = Mapping[str, Sequence[Chain]]
"""For each kind of step, one chain of calls per prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What happened while a call waited and ran: steps, tokens written by all sequences, prompt tokens read."""

    seen_s: float
    steps: float
    tokens: float
    prompt_tokens: float


@dataclass(slots=True)
class Timeline:
    """`seconds` in total; `covered` by kind, while at least one of its steps was running; `passed` by call."""

    seconds: float = 0.0
    covered: dict[str, float] = field(default_factory=dict)
    passed: list["Passed"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Step:
    kind: str
    shard: int
    left: int = 0


@dataclass(slots=True, kw_only=True)
class _Running:
    chain: Chain
    place: int
    step: _Step
    left: int
    read: bool = False
    since: tuple[float, float, float] = (0.0, 0.0, 0.0)


def timeline(
    shards: Sequence[Shard], beside: Sequence[Chain], kinds: Sequence[str], window: int, pace: EnginePace
) -> Timeline:
    return _Simulation(shards, beside, kinds, window, pace).run()


class _Simulation:
    def __init__(
        self, shards: Sequence[Shard], beside: Sequence[Chain], kinds: Sequence[str], window: int, pace: EnginePace
    ) -> None:
        self._shards, self._beside, self._kinds, self._window, self._pace = shards, beside, kinds, window, pace
        self._ready = {kind: deque[int]() for kind in kinds}
        self._flying = 0
        self._now = 0.0
        self._steps = 0.0
        self._tokens = 0.0
        self._read = 0.0
        self._order = count()
        self._arriving: list[tuple[float, int, _Running]] = []
        self._waiting: deque[tuple[int, _Running]] = deque()
        self._running: list[tuple[float, int, _Running]] = []
        self._active: dict[str, int] = {}
        self._covered: dict[str, float] = {}
        self._passed: list[Passed] = []

    def run(self) -> Timeline:
        self._ready[self._kinds[0]].extend(range(len(self._shards)))
        self._begin(_Step(kind=BESIDE, shard=-1), self._beside)
        self._dispatch()
        while self._arriving or self._waiting or self._running:
            self._admit()
            self._advance()
        return Timeline(self._now, self._covered, self._passed)

    def _dispatch(self) -> None:
        while self._flying < self._window:
            kind = next((kind for kind in reversed(self._kinds) if self._ready[kind]), None)
            if kind is None:
                return
            step = _Step(kind=kind, shard=self._ready[kind].popleft())
            self._flying += 1
            if not self._begin(step, self._shards[step.shard].get(kind, ())):
                self._end(step)

    def _begin(self, step: _Step, chains: Sequence[Chain]) -> bool:
        """Send the calls that wait for nothing; False for a step without calls."""
        full = [chain for chain in chains if chain]
        step.left = sum(len(chain) for chain in full)
        if not step.left:
            return False
        self._active[step.kind] = self._active.get(step.kind, 0) + 1
        for chain in full:
            self._release(chain, None, step)
        return True

    def _release(self, chain: Chain, after: int | None, step: _Step) -> None:
        for place, task in enumerate(chain):
            if task.after == after:
                call = _Running(chain=chain, place=place, step=step, left=max(1, len(task.lengths)))
                heapq.heappush(self._arriving, (self._now + self._pace.call, next(self._order), call))

    def _admit(self) -> None:
        """Queue the arrived calls, and start sequences while there is room; a call's first one reads its prompt."""
        while self._arriving and self._arriving[0][0] <= self._now:
            call = heapq.heappop(self._arriving)[2]
            call.since = (self._steps, self._tokens, self._read)
            self._waiting.extend((length, call) for length in (call.chain[call.place].lengths or (0,)))
        while self._waiting and len(self._running) < self._pace.sequences:
            length, call = self._waiting.popleft()
            if not call.read:
                call.read = True
                self._read += call.chain[call.place].prompt_tokens
                self._pass(call.chain[call.place].prompt_tokens * self._pace.prompt_token)
            heapq.heappush(self._running, (self._steps + length, next(self._order), call))

    def _advance(self) -> None:
        """Advance to the next end of a sequence or arrival of a call."""
        rate = self._pace.step + self._pace.token * len(self._running)
        arrival = self._arriving[0][0] if self._arriving else None
        if not self._running:
            if arrival is not None:
                self._pass(max(0.0, arrival - self._now))
            return
        steps = max(0.0, self._running[0][0] - self._steps)
        if arrival is not None and rate > 0 and self._now + steps * rate > arrival:
            passed = max(0.0, arrival - self._now)
            self._step(passed / rate)
            self._pass(passed)
            return
        self._step(steps)
        self._pass(steps * rate)
        while self._running and self._running[0][0] <= self._steps:
            self._done(heapq.heappop(self._running)[2])

    def _step(self, steps: float) -> None:
        self._steps += steps
        self._tokens += steps * len(self._running)

    def _done(self, call: _Running) -> None:
        call.left -= 1
        if call.left:
            return
        task, (steps, tokens, read) = call.chain[call.place], call.since
        if task.lengths:
            passed = Passed(
                seen_s=task.seconds,
                steps=self._steps - steps,
                tokens=self._tokens - tokens,
                prompt_tokens=self._read - read,
            )
            self._passed.append(passed)
        self._release(call.chain, call.place, call.step)
        call.step.left -= 1
        if call.step.left == 0:
            self._active[call.step.kind] -= 1
            if call.step.shard >= 0:
                self._end(call.step)
                self._dispatch()

    def _end(self, step: _Step) -> None:
        self._flying -= 1
        following = self._kinds.index(step.kind) + 1
        if following < len(self._kinds):
            self._ready[self._kinds[following]].append(step.shard)

    def _pass(self, seconds: float) -> None:
        self._now += seconds
        for kind, active in self._active.items():
            if active:
                self._covered[kind] = self._covered.get(kind, 0.0) + seconds
