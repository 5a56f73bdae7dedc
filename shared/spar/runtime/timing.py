"""Where the seconds of a step go: each instant belongs to one part, however many calls overlap in it.

The clock of the step at hand travels in its context, into tasks and threads alike; code outside a step is not timed.
Knows nothing of what a step does.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path

from spar.engines.base import ChatModel, Completion, Sampling
from spar.messages.coordinator import StepTimings
from spar.method.records import Message
from spar.store.base import ObjectStore


class TimePart(StrEnum):
    """What a step can wait for. Where several overlap, the first of this order has the instant: it is what the step
    would still wait for if the others took no time."""

    ENGINE = "engine_s"
    TRAINING = "training_s"
    LOADING = "loading_s"
    STORE = "store_s"
    TURN = "turn_s"


class StepClock:
    """Counts the seconds of each part. Safe from several threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._active = dict.fromkeys(TimePart, 0)
        self._seconds = dict.fromkeys(TimePart, 0.0)
        self._since = now()

    @contextmanager
    def busy(self, part: TimePart) -> Iterator[None]:
        self._change(part, 1)
        try:
            yield
        finally:
            self._change(part, -1)

    def timings(self) -> StepTimings:
        """Of what has ended so far."""
        with self._lock:
            return StepTimings(**{part.value: seconds for part, seconds in self._seconds.items()})

    def _change(self, part: TimePart, by: int) -> None:
        with self._lock:
            now = self._now()
            first = next((each for each, count in self._active.items() if count), None)
            if first is not None:
                self._seconds[first] += now - self._since
            self._active[part] += by
            self._since = now


_clock: ContextVar[StepClock | None] = ContextVar("step_clock", default=None)


@contextmanager
def clocked() -> Iterator[StepClock]:
    """Times what is done within the block, and in the tasks and threads that it starts."""
    clock = StepClock()
    token = _clock.set(clock)
    try:
        yield clock
    finally:
        _clock.reset(token)


@contextmanager
def timed(part: TimePart) -> Iterator[None]:
    """The block's time belongs to this part of the step at hand."""
    clock = _clock.get()
    if clock is None:
        yield
        return
    with clock.busy(part):
        yield


class TimedChat:
    """A model whose replies count as the engine's time."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        with timed(TimePart.ENGINE):
            return await self._chat.sample(messages, n, sampling, seed)


class TimedStore:
    """An object store whose reads and writes count as the store's time; listings do not."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.keys, self.written_at, self.remove = store.keys, store.written_at, store.remove

    def put(self, key: str, data: bytes) -> None:
        with timed(TimePart.STORE):
            self._store.put(key, data)

    def get(self, key: str) -> bytes:
        with timed(TimePart.STORE):
            return self._store.get(key)

    def exists(self, key: str) -> bool:
        with timed(TimePart.STORE):
            return self._store.exists(key)

    def put_file(self, key: str, path: Path) -> None:
        with timed(TimePart.STORE):
            self._store.put_file(key, path)

    def get_file(self, key: str, path: Path) -> None:
        with timed(TimePart.STORE):
            self._store.get_file(key, path)
