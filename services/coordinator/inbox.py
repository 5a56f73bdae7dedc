"""The coordinator's thread: reports wait here, and between two of them the clock ticks.

In the embedded runner and in a process of its own alike. Reports of any thread come in by `put`; a report is kept until
it is booked: while the database is away, the thread waits, and what arrives waits behind it.
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
"""For what ends the process only if it lasts. Another coordinator may be ourselves, on a lost connection: the server
notices that within half of it."""
STOP_S = 20.0
"""To book what has arrived when the process stops."""
LOOK_S = 0.5


class Inbox:
    """Runs a coordinator until closed. A report that cannot be booked fails the run, never the thread.

    `most` reports wait in memory; beyond that `put` waits, so that the rest stay in the queue that they came by (0: no
    bound). `ended` is called, on the thread, with what leaves it nothing to do: an error that could not even be booked
    as the run's, or one that has lasted for `patience_s`.
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
        """Waits while the inbox is full; once it stops, what comes too late is among what `close` returns."""
        while not self._closing.is_set():
            with suppress(queue.Full):
                self._reports.put(report, timeout=LOOK_S)
                return
        self._unbooked.append(report)

    def stop(self) -> None:
        """Try once to book what has arrived, then end; does not wait for it."""
        self._closing.set()
        with suppress(queue.Full):  # then the thread is not waiting for a report either
            self._reports.put_nowait(None)

    def close(self) -> Sequence[Report]:
        """Book what has arrived, then stop. Returns what could not be booked, for the queue that it came by."""
        self.stop()
        self._loop.join(STOP_S)
        self._loop.closing.set()
        with suppress(queue.Empty):
            while True:
                self._keep(self._reports.get_nowait())
        return self._unbooked

    @property
    def silent_s(self) -> float:
        """Since the thread last showed that it works; it does at each report, each tick and each further try."""
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
        """Once the inbox closes, what cannot be booked is tried once, and what comes after it is not tried."""
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
        """Whether the work is through, be it as a failure; False: worth another try."""
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
        """Leases and losses are looked at again when it has passed."""
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
            # It is no run's fault, so each further tick would fail as well, and no command would be taken.
            self._end(explained(error, self._loop.name))
        return True

    def _end(self, why: SparError) -> None:
        self._closing.set()
        self._loop.closing.set()
        self._ended(why)
