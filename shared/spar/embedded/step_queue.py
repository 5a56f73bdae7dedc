"""The generation queue of this process, for steps that belong to no run: messages out, reports in, results booked.

The same broker, tasks, worker and tables as an embedded run; only the coordinator isn't there, because there is nothing
to decide but what to send next, and its caller does that. Results are in the home's books as those of runs are, so what
a step of the same fingerprint has made is found again. On a stack, `spar.evolution.stack` is in its place.
"""

from queue import Empty, SimpleQueue
from types import TracebackType

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session

from services.coordinator.ledger import Ledger
from services.generation import evolving as _evolving
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.embedded.home import Home
from spar.embedded.pool import Pool, memory_app
from spar.errors import SparError
from spar.evolution.queue import QUEUE, Made
from spar.messages.base import StepMessage
from spar.messages.coordinator import Report, StepFailed, StepFinished
from spar.messages.facts import StepFacts
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.store.directory import DirectoryStore

TASKS = _evolving
"""Imported for its registration with the Celery app."""
SPARE_THREADS = 4


class EmbeddedStepQueue:
    """Started by `with`, in a home that is locked; closing cancels what is in flight. `steps` may be sent at once."""

    watch = None  # a step is lost with this process only

    def __init__(self, home: Home, steps: int) -> None:
        self.store = DirectoryStore(home.store)
        self._home, self._threads = home, steps + SPARE_THREADS
        self._reports: SimpleQueue[Report | SparError] = SimpleQueue()

    def __enter__(self) -> "EmbeddedStepQueue":
        self._database: Engine = open_database(self._home.database_url)
        migrate(self._database)
        settings = Settings(broker_url=SecretStr("memory://"))
        app = memory_app(settings)
        self._broker = CeleryBroker(app)
        self._pool = Pool(
            app, self._home, self.store, self._reports.put, settings.heartbeat_s, [QUEUE], self._threads, self._failed
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._database.dispose()

    def send(self, task: str, message: StepMessage) -> None:
        self._broker.send(task, QUEUE, message.model_dump(mode="json"))

    def next_report(self, timeout_s: float | None) -> Report | None:
        try:
            report = self._reports.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(report, SparError):
            raise report
        return report

    def _failed(self, why: SparError) -> None:
        """Wakes the caller that waits for a report."""
        self._reports.put(why)

    def result(self, fingerprint: str) -> Made | None:
        """The known result. One whose object is missing is removed, so that it is recomputed."""
        with Session(self._database, expire_on_commit=False) as session, session.begin():
            ledger = Ledger(session)
            known = ledger.result(fingerprint)
            if known is None:
                return None
            if self.store.exists(known.key):
                return Made(known.key, StepFacts.read(known.facts))
            ledger.forget_result(known)
            return None

    def book(self, report: StepFinished) -> Made:
        """The first result of a fingerprint counts."""
        with Session(self._database, expire_on_commit=False) as session, session.begin():
            facts = StepFacts.of(report)
            booked = Ledger(session).register_result(report.fingerprint, report.key, report.size, facts)
            return Made(booked.key, StepFacts.read(booked.facts))

    def failure_text(self, report: StepFailed) -> str:
        return report.error
