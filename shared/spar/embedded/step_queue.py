"""The generation queue of this process, for steps that belong to no run: messages out, reports in, results booked.

The same broker, tasks, worker and tables as an embedded run; only the coordinator isn't there, because there is nothing
to decide but what to send next, and its caller does that. Results are in the home's books as those of runs are, so what
a step of the same fingerprint has made is found again.
"""

from queue import SimpleQueue
from types import TracebackType

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session

from services.coordinator.ledger import Ledger
from services.generation import evolving as _evolving
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.tables import Result
from spar.embedded.home import Home
from spar.embedded.pool import Pool, memory_app
from spar.messages.base import StepMessage
from spar.messages.coordinator import Report, StepFinished
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.store.directory import DirectoryStore

TASKS = _evolving
"""Imported for its registration with the Celery app."""
QUEUE = "generation"


class StepQueue:
    """Started by `with`, in a home that is locked; closing cancels what is in flight. `threads` steps work at once."""

    def __init__(self, home: Home, threads: int) -> None:
        self.store = DirectoryStore(home.store)
        self._home, self._threads = home, threads
        self._database: Engine = open_database(home.database_url)
        migrate(self._database)
        self._reports: SimpleQueue[Report] = SimpleQueue()

    def __enter__(self) -> "StepQueue":
        settings = Settings(broker_url=SecretStr("memory://"))
        app = memory_app(settings)
        self._broker = CeleryBroker(app)
        self._pool = Pool(app, self._home, self.store, self._reports.put, settings.heartbeat_s, [QUEUE], self._threads)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._database.dispose()

    def send(self, task: str, message: StepMessage) -> None:
        self._broker.send(task, QUEUE, message.model_dump(mode="json"))

    def next_report(self) -> Report:
        """Waits for it."""
        return self._reports.get()

    def result(self, fingerprint: str) -> Result | None:
        """What the books have. A result whose object is gone is struck out, so that it is made again."""
        with Session(self._database, expire_on_commit=False) as session, session.begin():
            ledger = Ledger(session)
            known = ledger.result(fingerprint)
            if known is None or self.store.exists(known.key):
                return known
            ledger.forget_result(known)
            return None

    def book(self, report: StepFinished) -> Result:
        """Write down a finished step's result: the first of its fingerprint counts."""
        facts = {
            "seconds": report.seconds,
            "worker": report.worker,
            "usage": report.usage.model_dump(),
            "counts": report.counts,
        }
        with Session(self._database, expire_on_commit=False) as session, session.begin():
            return Ledger(session).register_result(report.fingerprint, report.key, report.size, facts)
