"""One Celery worker of this process on the memory broker, and what its tasks find when they run.

Knows nothing of who sends, or of what becomes of reports.
"""

import threading
from collections.abc import Callable, Sequence

from celery import Celery

from spar.embedded.home import Home
from spar.errors import SparError
from spar.messages.coordinator import Report
from spar.runtime import worker as workers
from spar.runtime.app import configure, purge
from spar.runtime.settings import Settings
from spar.runtime.supervision import LoopEnded
from spar.runtime.worker import EMBEDDED, Worker
from spar.store.base import ObjectStore
from spar.store.models import CACHE_BYTES, ModelCache

STOP_S = 30.0
"""For Celery to stop in, once the work is cancelled."""


def memory_app(settings: Settings) -> Celery:
    """The Celery app, without what another system of this process left in memory."""
    app = configure(settings)
    purge(app)
    return app


class Pool:
    """At work from its making until it is closed, which cancels what is in flight."""

    def __init__(  # noqa: PLR0913 - what a process is made of
        self,
        app: Celery,
        home: Home,
        store: ObjectStore,
        announce: Callable[[Report], None],
        heartbeat_s: float,
        queues: Sequence[str],
        threads: int,
        ended: Callable[[SparError], None],
    ) -> None:
        cache = ModelCache(home.work / "models", store, CACHE_BYTES)
        self.worker = Worker(EMBEDDED, store, cache, home.work, announce, heartbeat_s, hands_back=False, ended=ended)
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
        self._ended = ended
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._consume, name="spar-celery", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.worker.close()
        self._closing.set()
        self._celery.stop()
        self._thread.join(STOP_S)
        workers.install(None)

    def _consume(self) -> None:
        """Celery logs what ended it and returns, whether it was to stop or not."""
        self._celery.start()
        if not self._closing.is_set():
            self._ended(
                LoopEnded(
                    "The thread that hands out the steps ended.",
                    "Look into the log for what ended it, and run the same command again: it resumes where it was.",
                )
            )
