"""One Celery worker of this process on the memory broker, and what its tasks find when they run.

Knows nothing of who sends, or of what becomes of reports.
"""

import threading
from collections.abc import Callable, Sequence

from celery import Celery

from spar.embedded.home import Home
from spar.messages.coordinator import Report
from spar.runtime import worker as workers
from spar.runtime.app import configure, purge
from spar.runtime.settings import Settings
from spar.runtime.worker import Worker
from spar.store.base import ObjectStore
from spar.store.models import CACHE_BYTES, ModelCache


def memory_app(settings: Settings) -> Celery:
    """The Celery app, without what another system of this process left in memory."""
    app = configure(settings)
    purge(app)
    return app


class Pool:
    """At work from its making until it is closed, which cancels what is in flight."""

    def __init__(
        self,
        app: Celery,
        home: Home,
        store: ObjectStore,
        announce: Callable[[Report], None],
        heartbeat_s: float,
        queues: Sequence[str],
        threads: int,
    ) -> None:
        cache = ModelCache(home.work / "models", store, CACHE_BYTES)
        self.worker = Worker("embedded", store, cache, home.work, announce, heartbeat_s, hands_back=False)
        workers.install(self.worker)
        self._celery = app.WorkController(
            pool="threads",
            concurrency=threads,
            queues=list(queues),
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
            quiet=True,
        )
        self._thread = threading.Thread(target=self._celery.start, name="spar-celery", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.worker.close()
        self._celery.stop()
        self._thread.join()
        workers.install(None)
