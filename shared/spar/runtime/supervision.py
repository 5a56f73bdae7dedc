"""Loops that never end alone: what may pass is retried, with growing pauses; anything else ends the process.

Knows nothing of what the loops do. What may pass are the troubles of things outside: a server that is unreachable,
full, read-only or slow. Anything else is a bug, and a thread that ends without a trace would be the worse one.
"""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import structlog
from kombu.exceptions import OperationalError

from spar.errors import BUG, SparError, StoreError

log = structlog.get_logger()

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
MOST_OF_A_MESSAGE = 300

_TROUBLES = (ConnectionError, TimeoutError, OperationalError)
_OF_THE_SYSTEM = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    )
)
"""Disk, memory, descriptors, network. A file that is missing is a mistake of ours, and stays missing."""


def longer(pause_s: float, longest_s: float = LONGEST_PAUSE_S) -> float:
    """The pause after this one, where the same work has failed again; after none, the first."""
    return min(max(2 * pause_s, FIRST_PAUSE_S), longest_s)


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later, with nothing changed in it."""
    if isinstance(error, _TROUBLES):
        return True
    if isinstance(error, OSError):
        return error.errno in _OF_THE_SYSTEM
    if isinstance(error, StoreError) and error.__cause__ is not None:
        return may_pass(error.__cause__)
    if isinstance(error, SparError):
        return error.may_pass
    return _is_of_redis(error)


def _is_of_redis(error: BaseException) -> bool:
    from redis.exceptions import RedisError

    return isinstance(error, RedisError)


class LoopEnded(SparError):
    """A thread that the process cannot do without has ended."""


class Loop:
    """A daemon thread that calls `turn` again and again until it is closed.

    A turn does one round of work and does its own waiting, by `closing`. `ended` is called, on the thread, with the
    reason why the loop had to end.
    """

    def __init__(self, name: str, turn: Callable[[], None], ended: Callable[[SparError], None]) -> None:
        self.name = name
        self.closing = threading.Event()
        self._turn, self._ended = turn, ended
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.beat()

    def start(self) -> None:
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Show that the loop works; a turn that waits or retries calls it now and then."""
        self._beat = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Since the thread last showed that it works."""
        return time.monotonic() - self._beat

    def close(self, within_s: float) -> bool:
        """Stop after the current turn. Whether it has ended in time; what has not ends with the process."""
        self.closing.set()
        return self.join(within_s)

    def join(self, within_s: float) -> bool:
        """Whether the thread has ended in time, once `closing` is set or the turn sets it."""
        if self._thread.ident is None:
            return True  # it was never started
        self._thread.join(within_s)
        if self._thread.is_alive():
            log.warning("loop_still_at_work", loop=self.name, seconds=within_s)
            return False
        return True

    def _run(self) -> None:
        pause_s = 0.0
        while not self.closing.wait(pause_s):
            self.beat()
            try:
                self._turn()
                pause_s = 0.0
            except BaseException as error:
                if not may_pass(error):
                    log.exception("loop_ended", loop=self.name)
                    self._ended(explained(error, self.name))
                    return
                pause_s = longer(pause_s)
                log.warning("loop_waits", loop=self.name, seconds=pause_s, error=str(error))


def explained(error: BaseException, loop: str) -> SparError:
    """The error with what to do about it."""
    if isinstance(error, SparError):
        return error
    return LoopEnded(f"The thread {loop} ended: {in_brief(error)}.", f"{BUG} Start the process again: work resumes.")


def in_brief(error: BaseException) -> str:
    """Its type and first line. SQLAlchemy's own text has the statement, with its parameters: texts of prompts, say."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0][:MOST_OF_A_MESSAGE]}" if lines else type(cause).__name__


class ProcessEnd:
    """Ends this process for a reason that one of its threads found: as SIGTERM would, or hard if that takes too long.

    `failure` is the first reason; `raise_failure` is for the main thread, once it has stopped.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._lock = threading.Lock()
        self.failure: SparError | None = None

    def __call__(self, error: SparError) -> None:
        with self._lock:
            if self.failure is not None:
                return
            self.failure = error
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            _end_at_once(error)  # nobody handles the signal yet: it would end us without a message
        end_within(self._within_s, error)
        os.kill(os.getpid(), signal.SIGTERM)

    def raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure


def end_within(seconds: float, why: SparError | None = None) -> None:
    """End the process by then, whatever its threads wait for: nothing that is on record is lost by it."""

    def end() -> None:
        print(f"error: stopping took longer than {seconds:g} s; the rest was cut off", file=sys.stderr)
        _end_at_once(why)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _end_at_once(why: SparError | None) -> NoReturn:
    if why is not None:
        print(f"error: {why.what}\nfix: {why.fix}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1 if why is None else why.exit_code)
