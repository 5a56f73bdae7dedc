"""What may pass is retried by a loop; what may not ends its process, with its exit code."""

import errno
import subprocess
import sys
import threading
from collections.abc import Iterator

import kombu.exceptions
import pytest
import redis.exceptions
from structlog.testing import capture_logs

from spar.db.refusals import HomeBlocked
from spar.errors import AccountingError, ObjectMissing, ServiceError, SparError
from spar.runtime.supervision import Loop, LoopEnded

WAIT_S = 20.0


@pytest.fixture(autouse=True)
def _plain_log() -> Iterator[None]:
    """Tracebacks with the locals of each frame, structlog's default, take seconds."""
    with capture_logs():
        yield


class Watched:
    """A loop whose turns raise what is listed, and then wait to be closed."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.through, self.over = threading.Event(), threading.Event()
        self.reason: SparError | None = None
        self.loop = Loop("spar-test", self.turn, self.ended)
        self.loop.start()

    def turn(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.through.set()
        self.loop.closing.wait(WAIT_S)

    def ended(self, why: SparError) -> None:
        self.reason = why
        self.over.set()


@pytest.mark.parametrize(
    "error",
    [
        ServiceError("Redis is full.", "Empty it."),
        HomeBlocked("The database is full.", "Free some space."),
        ConnectionResetError(),
        TimeoutError(),
        OSError(errno.ENOSPC, "No space left on device"),
        redis.exceptions.ReadOnlyError("READONLY"),
        redis.exceptions.NoPermissionError("NOPERM"),
        kombu.exceptions.OperationalError("LOADING"),
    ],
)
def test_what_may_pass_does_not_end_a_loop(error: Exception) -> None:
    watched = Watched(error, error)
    assert watched.through.wait(WAIT_S)
    assert watched.loop.close(WAIT_S)
    assert watched.reason is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("bug"), LoopEnded),
        (FileNotFoundError(errno.ENOENT, "No such file"), LoopEnded),
        (ObjectMissing("It is not there."), ObjectMissing),
        (AccountingError("Sums."), AccountingError),
    ],
)
def test_what_may_not_pass_is_reported_as_the_end(error: Exception, kind: type[SparError]) -> None:
    watched = Watched(error)
    assert watched.over.wait(WAIT_S)
    assert isinstance(watched.reason, kind)
    assert watched.loop.close(WAIT_S)


def test_closing_waits_no_longer_than_it_is_given() -> None:
    stuck = threading.Event()
    loop = Loop("spar-test", lambda: stuck.wait(WAIT_S) and None, lambda _: None)
    loop.start()
    assert not loop.close(0.05)
    stuck.set()
    assert loop.close(WAIT_S)


def test_a_loop_that_hangs_falls_silent() -> None:
    watched = Watched()
    assert watched.through.wait(WAIT_S)
    before = watched.loop.silent_s
    threading.Event().wait(0.05)
    assert watched.loop.silent_s >= before + 0.05
    watched.loop.close(WAIT_S)


ENDING = """
import signal, sys, threading
from spar.errors import ServiceError
from spar.runtime.supervision import Loop, ProcessEnd
end = ProcessEnd(0.3)
stopped = threading.Event()
if sys.argv[1] != "starts":
    signal.signal(signal.SIGTERM, lambda *_: stopped.set() if sys.argv[1] == "stops" else None)
def turn(): raise LookupError("bug")
Loop("spar-test", turn, end).start()
stopped.wait(30)
try:
    end.raise_failure()
except Exception as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("how", ["starts", "stops", "does not stop"])
def test_a_process_ends_with_its_loop(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, how], capture_output=True, text=True, check=False, timeout=WAIT_S
    )
    assert done.returncode == 1
    assert "The thread spar-test ended: LookupError: bug." in done.stdout + done.stderr
    assert ("cut off" in done.stderr) is (how == "does not stop")
