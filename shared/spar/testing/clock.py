"""An event loop whose time jumps to the next timer: what would take minutes takes none, and always the same.

For tests of what takes how long on a simulated engine. What is outside this process must not be awaited; sockets
between tasks of the loop may be, if it has patience: time then stands still for as long as anything arrives.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

PATIENCE_S = 0.002  # of real time; what a task sends to another over loopback is there at once


class _Jumping(selectors.DefaultSelector):
    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._patience_s = patience_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing arrives before the next timer: then it is due at once."""
        left = max(0.0, timeout or 0.0)
        ready = super().select(self._patience_s if timeout is None else min(left, self._patience_s))
        if not ready:
            self.now += left
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, patience_s: float = 0.0) -> None:
        self._jumping = _Jumping(patience_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtually(work: Coroutine[Any, Any, Result], patience_s: float = 0.0) -> tuple[Result, float]:
    """The work's result, and the seconds that it took on the loop's own clock."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(patience_s)) as runner:
        result = runner.run(work)
        return result, runner.get_loop().time()
