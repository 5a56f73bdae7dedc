"""The coordinator's one thread: takes reports in the order they came, and ticks when none comes for a while.

In the embedded runner and in a process of its own alike. Reports of any thread go in by `put`.
"""

import queue
import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

from services.coordinator.coordinator import Coordinator
from spar.errors import ServiceError, SparError
from spar.messages.coordinator import FailureReason, Report

log = structlog.get_logger()


class Inbox:
    """Runs a coordinator until closed. A report that cannot be booked fails the run, never the thread.

    `failure` is the error that could not even be booked as the run's.
    """

    def __init__(self, coordinator: Coordinator, interval_s: float) -> None:
        self._coordinator = coordinator
        self._interval_s = interval_s
        self._reports: queue.SimpleQueue[Report | None] = queue.SimpleQueue()
        self.failure: SparError | None = None
        self._thread = threading.Thread(target=self._work, name="spar-coordinator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, report: Report) -> None:
        self._reports.put(report)

    def close(self) -> None:
        """Book what has arrived, then stop."""
        self._reports.put(None)
        self._thread.join()

    def _work(self) -> None:
        next_tick = time.monotonic()
        while True:
            try:
                report = self._reports.get(timeout=max(0.0, next_tick - time.monotonic()))
            except queue.Empty:
                self._guarded(self._coordinator.tick)
                next_tick = time.monotonic() + self._interval_s
                continue
            if report is None:
                return
            self._guarded(partial(self._coordinator.handle, report))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ServiceError as error:
            # Redis or PostgreSQL is away: leases and losses are looked at again when it is back.
            log.warning("service_unreachable", error=str(error))
        except Exception as error:
            log.exception("coordinator_failed")
            self._fail_run(error)

    def _fail_run(self, error: Exception) -> None:
        try:
            self._coordinator.fail_run(f"{type(error).__name__}: {error}", FailureReason.of(error))
        except SparError as worse:
            # Not even that can be booked: a full disk, say. Whoever runs this process is told.
            log.error("failure_not_booked", error=str(worse))
            self.failure = worse
