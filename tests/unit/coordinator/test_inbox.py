"""The coordinator's thread survives what may pass; what may not ends its process too."""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, select
from structlog.testing import capture_logs

from services.coordinator.inbox import Inbox
from spar.db.commands import append_command
from spar.db.engine import AnotherAtWork
from spar.db.refusals import HomeBlocked
from spar.db.tables import Command, Run
from spar.errors import ServiceError, SparError
from spar.messages.commands import CANCEL
from spar.messages.coordinator import WorkerAlive
from spar.messages.states import RunStatus
from tests.unit.coordinator.stage import Stage

WAIT_S = 20.0
AWAY = ServiceError("PostgreSQL is away.", "Start it.")
FULL = HomeBlocked("The database is full.", "Free some space.")
OTHER = AnotherAtWork("Another coordinator is at work.", "Leave the work to it.")


class Faulty:
    """Raises from the statements of a stage's database as long as it has an error to raise."""

    def __init__(self, stage: Stage) -> None:
        self.error: Exception | None = None
        self.met = threading.Semaphore(0)
        event.listen(stage.database, "before_cursor_execute", self._meet)

    def _meet(self, *_: object) -> None:
        if self.error is not None and threading.current_thread().name == "spar-coordinator":
            self.met.release()
            raise self.error

    def meet(self, error: Exception, times: int) -> None:
        self.error = error
        for _ in range(times):
            assert self.met.acquire(timeout=WAIT_S)


def wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not seen():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def run_of(stage: Stage, run_id: str) -> Run:
    with Session(stage.database) as session:
        return session.get_one(Run, run_id)


@pytest.fixture(autouse=True)
def _plain_log() -> Iterator[None]:
    """Tracebacks with the locals of each frame, structlog's default, take seconds."""
    with capture_logs():
        yield


class Ended:
    def __init__(self) -> None:
        self.over = threading.Event()
        self.why: SparError | None = None

    def __call__(self, why: SparError) -> None:
        self.why = why
        self.over.set()


Start = Callable[[Stage, float], tuple[Inbox, Ended]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Inbox] = []

    def start(stage: Stage, patience_s: float) -> tuple[Inbox, Ended]:
        ended = Ended()
        inbox = Inbox(stage.coordinator, 0.01, ended, patience_s=patience_s)
        inbox.start()
        started.append(inbox)
        return inbox, ended

    yield start
    for inbox in started:
        inbox.close()


@pytest.mark.parametrize("error", [AWAY, FULL, OTHER, ConnectionResetError(), OSError(errno.ENOSPC, "No space left")])
def test_it_works_again_when_what_may_pass_has_passed(tmp_path: Path, start: Start, error: Exception) -> None:
    stage = Stage(tmp_path)
    faulty = Faulty(stage)
    _, ended = start(stage, WAIT_S)
    faulty.meet(error, 3)
    append_command(stage.database, "key", CANCEL, {"run_id": "none"})
    faulty.error = None
    deadline = time.monotonic() + WAIT_S
    while True:
        with Session(stage.database) as session:
            if session.exec(select(Command)).one().handled_at is not None:
                break
        assert time.monotonic() < deadline
    assert not ended.over.is_set()


@pytest.mark.parametrize(("error", "code"), [(OTHER, 3), (FULL, 2)])
def test_what_lasts_ends_it_with_that_reason(tmp_path: Path, start: Start, error: SparError, code: int) -> None:
    stage = Stage(tmp_path)
    faulty = Faulty(stage)
    _, ended = start(stage, 0.0)
    faulty.error = error
    assert ended.over.wait(WAIT_S)
    faulty.error = None
    assert ended.why is error
    assert ended.why.exit_code == code


def test_a_server_that_lasts_to_be_away_is_waited_for(tmp_path: Path, start: Start) -> None:
    stage = Stage(tmp_path)
    faulty = Faulty(stage)
    _, ended = start(stage, 0.0)
    faulty.meet(AWAY, 3)
    faulty.error = None
    assert not ended.over.is_set()


def test_a_failure_of_a_run_is_booked_once_the_database_takes_it(tmp_path: Path, start: Start) -> None:
    """The bug is met again each time; what fails beside it is only the booking."""
    stage = Stage(tmp_path)
    run_id = stage.submit()
    errors: list[Exception] = [LookupError("a bug"), AWAY, LookupError("a bug")]

    def meet(*_: object) -> None:
        if errors and threading.current_thread().name == "spar-coordinator":
            raise errors.pop(0)

    event.listen(stage.database, "before_cursor_execute", meet)
    _, ended = start(stage, 0.0)
    wait_until(lambda: run_of(stage, run_id).status is RunStatus.FAILED)
    assert not ended.over.is_set()
    end = run_of(stage, run_id).end
    assert end is not None
    assert "a bug" in end["what"]


def test_closing_waits_for_no_thread_that_has_ended(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    ended = Ended()
    inbox = Inbox(stage.coordinator, 0.01, ended, most=1)
    report = WorkerAlive(worker="w", held=())
    inbox.put(report)  # the thread never starts: nobody takes it
    late = threading.Thread(target=inbox.put, args=(report,))
    late.start()
    assert len(inbox.close()) >= 1
    late.join(WAIT_S)
    assert not late.is_alive()
    assert inbox.close() == [report, report]


def test_what_cannot_even_be_booked_ends_it(tmp_path: Path, start: Start) -> None:
    stage = Stage(tmp_path)
    with stage.database.begin() as connection:
        connection.execute(text("DROP TABLE event"))
    faulty = Faulty(stage)
    _, ended = start(stage, 0.0)
    faulty.error = LookupError("a bug")
    assert ended.over.wait(WAIT_S)
    faulty.error = None
    assert "The thread spar-coordinator ended: LookupError: a bug." in str(ended.why)


def test_a_bug_that_is_no_runs_fault_ends_it(tmp_path: Path, start: Start) -> None:
    """Nobody would learn of it: commands would wait for ever."""
    stage = Stage(tmp_path)
    with stage.database.begin() as connection:
        connection.execute(text("DROP TABLE command"))
    _, ended = start(stage, 0.0)
    assert ended.over.wait(WAIT_S)
    assert "no such table: command" in str(ended.why)
    assert "SELECT" not in str(ended.why)


def test_it_shows_that_it_works_by_its_own_thread(tmp_path: Path, start: Start) -> None:
    stage = Stage(tmp_path)
    inbox, _ = start(stage, 0.0)
    held, go_on = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        held.set()
        go_on.wait(WAIT_S)

    event.listen(stage.database, "before_cursor_execute", hang)
    assert held.wait(WAIT_S)
    before = inbox.silent_s
    threading.Event().wait(0.05)
    assert inbox.silent_s >= before + 0.05
    go_on.set()
