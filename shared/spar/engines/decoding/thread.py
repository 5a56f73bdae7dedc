"""The one thread that computes: the models' batches take turns, as long as there is work.

Knows nothing of what a turn does.
"""

import sys
import threading

import torch

from spar.engines.decoding.batch import Batch
from spar.engines.decoding.calls import SampleCall
from spar.errors import EngineUnavailable

# Every tensor operation releases the interpreter lock and takes it again, some hundreds of times per token; a busy
# event loop may hold it this long each time. At Python's default of 5 ms a busy loop slowed decoding twice as much.
SWITCH_INTERVAL_S = 0.0005


def closed() -> EngineUnavailable:
    return EngineUnavailable("The engine was closed.", "Create a new engine, or wait for the worker to restart.")


class ComputeThread:
    """Starts with the first call. After `close` every call ends with EngineUnavailable."""

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._batches: list[Batch] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def submit(self, batch: Batch, call: SampleCall) -> None:
        with self._state:
            if self._closing:
                raise closed()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spar-decode", daemon=True)
                self._thread.start()
            batch.submit(call)
            if batch not in self._batches:
                self._batches.append(batch)
            self._state.notify()

    def close(self) -> None:
        """Ends the thread after its current turn; returns when it has ended."""
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread is not None:
            self._thread.join()

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by the type checker
    def _run(self) -> None:
        torch.set_num_threads(1)  # a second one collapses as soon as another process wants the core
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
        while batches := self._next_turn():
            for batch in batches:
                self._turn(batch)
        for batch in self._batches:
            batch.fail(closed())

    def _next_turn(self) -> list[Batch]:
        """The batches with work, waiting until there is one; empty when the engine closes."""
        with self._state:
            self._batches = [batch for batch in self._batches if batch.has_work]
            self._state.wait_for(lambda: self._closing or self._batches)
            return [] if self._closing else list(self._batches)

    def _turn(self, batch: Batch) -> None:
        try:
            batch.advance()
        except Exception as error:  # noqa: BLE001 - the callers wait on another thread, and every failure must end them
            failure = EngineUnavailable(
                f"Decoding failed: {type(error).__name__}: {error}.",
                "If memory ran out, lower engine.max_batch; else the model's files may not fit its configuration.",
            )
            failure.__cause__ = error
            batch.fail(failure)
