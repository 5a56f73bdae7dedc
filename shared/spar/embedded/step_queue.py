"""The generation queue of this process, for steps that belong to no run: messages out, reports in, results booked.

The same broker, tasks, worker and tables as an embedded run; only the coordinator isn't there, because there is nothing
to decide but what to send next, and its caller does that. Results are in the home's books as those of runs are, so what
a step of the same fingerprint has made is found again.
"""

import threading
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
from spar.messages.base import StepMessage
from spar.messages.coordinator import Report, StepFinished
from spar.runtime import worker as workers
from spar.runtime.app import configure, purge
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache

TASKS = _evolving
"""Imported for its registration with the Celery app."""
QUEUE = "generation"
CACHE_BYTES = 20 * 1024**3


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
        app = configure(settings)
        purge(app)  # what another system of this process left in memory
        cache = ModelCache(self._home.work / "models", self.store, CACHE_BYTES)
        announce = self._reports.put
        self._worker = Worker("embedded", self.store, cache, self._home.work, announce, settings.heartbeat_s)
        workers.install(self._worker)
        self._broker = CeleryBroker(app)
        self._celery = app.WorkController(
            pool="threads",
            concurrency=self._threads,
            queues=[QUEUE],
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
            quiet=True,
        )
        self._thread = threading.Thread(target=self._celery.start, name="spar-celery", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()
        self._celery.stop()
        self._thread.join()
        workers.install(None)
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
