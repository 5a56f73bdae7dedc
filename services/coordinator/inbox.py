"""The coordinator's one thread: takes reports in the order they came, and ticks when none comes for a while.

In the embedded runner and in a process of its own alike. Reports of any thread go in by `put`. A report is kept until
it is booked: while the database is away it is retried, and everything behind it waits.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from services.coordinator.coordinator import Coordinator
from spar.errors import ServiceError, SparError
from spar.messages.coordinator import FailureReason, Report

log = structlog.get_logger()

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""Between two tries to book the same report."""


class Inbox:
    """Runs a coordinator until closed. A report that cannot be booked fails the run, never the thread.

    `most` reports wait in memory; beyond that `put` waits, so that the rest stay in the queue that they came by (0: no
    bound). `failure` is the error that could not even be booked as the run's.
    """

    def __init__(self, coordinator: Coordinator, interval_s: float, most: int = 0) -> None:
        self._coordinator = coordinator
        self._interval_s = interval_s
        self._reports: queue.Queue[Report | None] = queue.Queue(most)
        self._closing = threading.Event()
        self._unbooked: list[Report] = []
        self.failure: SparError | None = None
        self._thread = threading.Thread(target=self._work, name="spar-coordinator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, report: Report) -> None:
        self._reports.put(report)

    def close(self) -> Sequence[Report]:
        """Book what has arrived, then stop. Returns what could not be booked, for the queue that it came by."""
        self._closing.set()
        self._reports.put(None)
        self._thread.join()
        return self._unbooked

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
            self._book(report)

    def _book(self, report: Report) -> None:
        """Once the inbox closes, what cannot be booked is tried once."""
        pause_s = FIRST_PAUSE_S
        while not self._guarded(lambda: self._coordinator.handle(report)):
            if self._closing.wait(pause_s):
                if not self._guarded(lambda: self._coordinator.handle(report)):
                    self._unbooked.append(report)
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Whether the work is through, be it as a failure; False: worth another try."""
        try:
            work()
        except ServiceError as error:
            # Redis or PostgreSQL is away: leases and losses are looked at again when it is back.
            log.warning("service_unreachable", waiting=self._reports.qsize(), error=str(error))
            return False
        except Exception as error:
            log.exception("coordinator_failed")
            self._fail_run(error)
        return True

    def _fail_run(self, error: Exception) -> None:
        try:
            self._coordinator.fail_run(f"{type(error).__name__}: {error}", FailureReason.of(error))
        except SparError as worse:
            # Not even that can be booked: a full disk, say. Whoever runs this process is told.
            log.error("failure_not_booked", error=str(worse))
            self.failure = worse
