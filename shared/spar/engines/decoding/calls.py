"""One `sample` call in the batch, and the delivery of its replies to the event loop that awaits them.

Created on the event loop's thread, completed on the compute thread. Knows nothing of models or tensors.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from spar.engines.base import Sampling
from spar.errors import EngineError


@dataclass(frozen=True, slots=True)
class Reply:
    """The tokens of one sample, without the end token; `drawn` counts that too."""

    ids: list[int]
    drawn: int
    finish_reason: Literal["stop", "length"]


@dataclass(eq=False, slots=True, kw_only=True)
class SampleCall:
    """`n` samples of one prompt. `limit` is what each may draw; sample i is drawn with seed + i."""

    ids: tuple[int, ...]
    n: int
    sampling: Sampling
    limit: int
    seed: int
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[list[Reply]]"
    admitted: int = 0
    cancelled: bool = False
    replies: dict[int, Reply] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Samples that have no row yet."""
        return 0 if self.cancelled else self.n - self.admitted

    def finish(self, sample: int, reply: Reply) -> None:
        """Compute thread: one sample is drawn; the last one wakes the caller."""
        self.replies[sample] = reply
        if len(self.replies) == self.n:
            replies = [self.replies[i] for i in range(self.n)]
            self._on_loop(lambda: None if self.done.done() else self.done.set_result(replies))

    def fail(self, error: EngineError) -> None:
        self.cancelled = True
        self._on_loop(lambda: None if self.done.done() else self.done.set_exception(error))

    def _on_loop(self, deliver: Callable[[], None]) -> None:
        # A RuntimeError means that the loop is closed: then no caller awaits the replies.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(deliver)
