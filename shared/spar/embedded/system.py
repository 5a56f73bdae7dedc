"""The system in this process: one Celery worker on a memory broker, the coordinator's thread, SQLite, a directory.

Only adapters are chosen here; what happens is the services' doing.
"""

import threading
from collections.abc import Callable
from types import TracebackType

from pydantic import SecretStr
from sqlalchemy import Engine

from services.coordinator import tasks as coordinator_tasks
from services.coordinator.coordinator import Coordinator, Limits
from services.coordinator.inbox import Inbox
from services.evaluation import tasks as _evaluation
from services.generation import tasks as _generation
from services.judgment import tasks as _judgment
from services.refinement import tasks as _refinement
from services.training import tasks as _training
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.embedded.home import CACHE_BYTES, Home
from spar.engines.base import ChatModel
from spar.runtime import worker as workers
from spar.runtime.app import TASK_MODULES, announce, configure, purge
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache

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
        self.store = DirectoryStore(home.store)
        self.database: Engine = open_database(home.database_url)
        migrate(self.database)

    def __enter__(self) -> "EmbeddedSystem":
        settings = Settings(broker_url=SecretStr("memory://"), polling_interval_s=0.2)
        app = configure(settings)
        purge(app)  # what another system of this process left in memory
        coordinator = Coordinator(self.database, self.store, CeleryBroker(app), Limits(window=EMBEDDED_WINDOW))
        self._inbox = Inbox(coordinator, settings.polling_interval_s)
        coordinator_tasks.install(self._inbox)
        cache = ModelCache(self.home.work / "models", self.store, CACHE_BYTES)
        self._worker = Worker("embedded", self.store, cache, self.home.work, announce, settings.heartbeat_s)
        workers.install(self._worker)
        self._celery = app.WorkController(
            pool="threads",
            concurrency=THREADS,
            queues=list(TASK_MODULES),
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
            quiet=True,
        )
        self._thread = threading.Thread(target=self._celery.start, name="spar-celery", daemon=True)
        self._thread.start()
        self._inbox.start()
        return self

    def observe(self, through: Callable[[ChatModel], ChatModel]) -> None:
        """Pass every model through this before it is asked."""
        self._worker.observe = through

    def raise_failure(self) -> None:
        """Raise what kept the coordinator from its books, if anything did."""
        if self._inbox.failure is not None:
            raise self._inbox.failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()
        self._celery.stop()
        self._thread.join()
        self._inbox.close()
        coordinator_tasks.install(None)
        workers.install(None)
        self.database.dispose()
