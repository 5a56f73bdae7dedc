"""The system in this process: one Celery worker on a memory broker, the coordinator's thread, SQLite, a directory.

Only adapters are chosen here; what happens is the services' doing.
"""

from collections.abc import Callable
from datetime import timedelta
from types import TracebackType

from pydantic import SecretStr
from sqlalchemy import Engine

from services.coordinator import tasks as coordinator_tasks
from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from services.coordinator.inbox import Inbox
from services.evaluation import tasks as _evaluation
from services.generation import tasks as _generation
from services.judgment import tasks as _judgment
from services.refinement import tasks as _refinement
from services.training import tasks as _training
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.embedded.home import Home
from spar.embedded.pool import Pool, memory_app
from spar.engines.base import ChatModel
from spar.errors import SparError
from spar.runtime.app import EVERY_QUEUE, announce
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.store.directory import DirectoryStore

TASKS = (_evaluation, _generation, _judgment, _refinement, _training)
"""Imported for their registration with the Celery app."""
THREADS = 48
SPARE_THREADS = 16
"""Kept free of shard steps, so that reports, trainings and evaluations always find a thread."""
EMBEDDED_WINDOW = THREADS - SPARE_THREADS
"""Steps of shards at once."""


class EmbeddedSystem:
    """Started by `with`; closing cancels what is in flight, which the next start does again."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._failure: SparError | None = None
        self.store = DirectoryStore(home.store)
        self.database: Engine = open_database(home.database_url)
        migrate(self.database)

    def __enter__(self) -> "EmbeddedSystem":
        settings = Settings(broker_url=SecretStr("memory://"), polling_interval_s=0.2)
        app = memory_app(settings)
        limits = CoordinatorLimits(window=EMBEDDED_WINDOW, stuck=timedelta(seconds=settings.stuck_s))
        coordinator = Coordinator(self.database, self.store, CeleryBroker(app), limits)
        self._inbox = Inbox(coordinator, settings.polling_interval_s, self._failed)
        coordinator_tasks.install(self._inbox)
        self._pool = Pool(
            app, self.home, self.store, announce, settings.heartbeat_s, list(EVERY_QUEUE), THREADS, self._failed
        )
        self._inbox.start()
        return self

    def observe(self, through: Callable[[ChatModel], ChatModel]) -> None:
        """Wrap every model in this before it is called."""
        self._pool.worker.observe = through

    def raise_failure(self) -> None:
        """Raise what kept a thread from its work, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _failed(self, why: SparError) -> None:
        self._failure = self._failure or why

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._inbox.close()
        coordinator_tasks.install(None)
        self.database.dispose()
