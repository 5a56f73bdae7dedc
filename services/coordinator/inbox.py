"""The coordinator's thread: reports wait here, and between two of them it ticks. The same in the embedded runner and in
a process of its own.

Reports of any thread arrive by `put`; a report is kept until it has been handled: while the database is unreachable the
thread waits, and so do later reports.
"""

import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Event

import structlog

from services.coordinator.coordinator import Coordinator
from spar.db.engine import AnotherAtWork
from spar.db.refusals import HomeBlocked
from spar.errors import SparError
from spar.messages.coordinator import FailureReason, Report
from spar.runtime.supervision import FIRST_PAUSE_S, Loop, explained, in_brief, longer, may_pass

log = structlog.get_logger()

ENDS_BY_LASTING = (AnotherAtWork, HomeBlocked)
PATIENCE_S = 60.0
"""For errors that end the process only if they last. Another coordinator may be this one on a lost connection, which
the server notices within half of this time."""
STOP_S = 20.0
"""For handling the reports that have arrived when the process stops."""
LOOK_S = 0.5


class Inbox:
    """Runs a coordinator until closed. A report that cannot be handled fails the run, never the thread.

    `most` reports wait in memory; beyond that `put` blocks, so that the rest stay in their queue (0: no bound). `ended`
    is called, on the thread, with the error that stops it: one that could not even be recorded as the run's, or one
    that has lasted for `patience_s`.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        interval_s: float,
        ended: Callable[[SparError], None],
        most: int = 0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._coordinator = coordinator
        self._interval_s = interval_s
        self._reports: queue.Queue[Report | None] = queue.Queue(most)
        self._closing = Event()
        self._unbooked: list[Report] = []
        self._patience_s = patience_s
        self._troubled_since: float | None = None
        self._next_tick = time.monotonic()
        self._ended = ended
        self._loop = Loop("spar-coordinator", self._turn, ended)

    def start(self) -> None:
        self._loop.start()

    def put(self, report: Report) -> None:
        """Blocks while the inbox is full; reports that arrive after it has stopped are among those that `close`
        returns."""
        while not self._closing.is_set():
            with suppress(queue.Full):
                self._reports.put(report, timeout=LOOK_S)
                return
        self._unbooked.append(report)

    def stop(self) -> None:
        """Try once to handle what has arrived, then end; does not wait for it."""
        self._closing.set()
        with suppress(queue.Full):  # the thread is not waiting for a report in this case
            self._reports.put_nowait(None)

    def close(self) -> Sequence[Report]:
        """Handle what has arrived, then stop. Returns the reports that could not be handled, for their queue."""
        self.stop()
        self._loop.join(STOP_S)
        self._loop.closing.set()
        with suppress(queue.Empty):
            while True:
                self._keep(self._reports.get_nowait())
        return self._unbooked

    @property
    def silent_s(self) -> float:
        """Time since the thread last made progress: at each report, each tick and each retry."""
        return self._loop.silent_s

    def _turn(self) -> None:
        report = self._next(0.0 if self._closing.is_set() else self._next_tick - time.monotonic())
        if report is not None:
            self._book(report)
        elif self._closing.is_set():
            if self._reports.empty():
                self._loop.closing.set()
        else:
            self._guarded(self._coordinator.tick, ticking=True)
            self._next_tick = time.monotonic() + self._interval_s

    def _next(self, within_s: float) -> Report | None:
        try:
            return self._reports.get(timeout=max(0.0, within_s))
        except queue.Empty:
            return None

    def _book(self, report: Report) -> None:
        """While the inbox closes, a report that cannot be handled is tried once, and later ones are not tried."""
        pause_s = FIRST_PAUSE_S
        work = partial(self._coordinator.handle, report)
        while not (self._closing.is_set() and self._unbooked):
            if self._guarded(work):
                return
            if self._closing.wait(pause_s):
                if not self._guarded(work):
                    self._keep(report)
                return
            pause_s = longer(pause_s)
            self._loop.beat()
        self._keep(report)

    def _keep(self, report: Report | None) -> None:
        if report is not None:
            self._unbooked.append(report)

    def _guarded(self, work: Callable[[], None], ticking: bool = False) -> bool:
        """Whether the work is done, even if it failed; False: retry it."""
        try:
            work()
        except Exception as error:
            if may_pass(error):
                self._wait_for(error)
                return False
            log.exception("coordinator_failed")
            return self._fail_run(error, ticking)
        self._troubled_since = None
        return True

    def _wait_for(self, error: Exception) -> None:
        """When it has passed, leases and lost attempts are checked again."""
        log.warning("coordinator_waits", waiting=self._reports.qsize(), error=str(error))
        if not isinstance(error, ENDS_BY_LASTING):
            self._troubled_since = None
            return
        now = time.monotonic()
        self._troubled_since = self._troubled_since or now
        if now - self._troubled_since >= self._patience_s:
            self._end(explained(error, self._loop.name))

    def _fail_run(self, error: Exception, ticking: bool) -> bool:
        try:
            what, fix = (error.what, error.fix) if isinstance(error, SparError) else (in_brief(error), "")
            failed = self._coordinator.fail_run(what, fix, FailureReason.of(error))
        except Exception as worse:
            if may_pass(worse):
                self._wait_for(worse)
                return False
            log.exception("failure_not_booked")
            self._end(explained(worse, self._loop.name))
            return True
        if not failed and ticking:
            # No run's fault, so each further tick would fail as well, and no command would be executed.
            self._end(explained(error, self._loop.name))
        return True

    def _end(self, why: SparError) -> None:
        self._closing.set()
        self._loop.closing.set()
        self._ended(why)
