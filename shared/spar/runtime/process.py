"""Starts a process of the system: reads its settings, opens its store, consumes its queues until it is stopped.

`services.worker` calls `run_worker` with the queues to consume. Knows nothing of their tasks.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from celery.signals import worker_shutting_down

from spar.engines.gpu_host import refuse_too_small_a_host
from spar.errors import SparError
from spar.redaction import redact_tracebacks
from spar.runtime import census as _census
from spar.runtime import worker as workers
from spar.runtime.app import announce, app, configure
from spar.runtime.broker import check_password
from spar.runtime.health import touch_while_connected
from spar.runtime.log import log_to
from spar.runtime.outbox import Letter, Outbox
from spar.runtime.read_settings import read_settings
from spar.runtime.replies import reply
from spar.runtime.settings import Settings
from spar.runtime.supervision import LoopEnded, ProcessEnd, end_within
from spar.runtime.worker import Worker
from spar.store.base import ObjectStore
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from spar.store.s3 import S3Store

ABOUT_ITSELF = _census
"""Imported for what a worker then replies about itself."""
STOP_S = 110.0
"""For a worker to stop in: a trainer writes its checkpoint. Compose gives it two minutes."""


def open_store(settings: Settings) -> ObjectStore:
    """The object store of this process's settings. Does not touch the network."""
    if settings.store_dir is not None:
        return DirectoryStore(settings.store_dir)
    return S3Store(
        settings.s3_endpoint,
        settings.s3_access_key.get_secret_value(),
        settings.s3_secret_key.get_secret_value(),
        settings.s3_bucket,
        secure=settings.s3_secure,
        read_s=settings.store_timeout_s,
    )


def reach_store(settings: Settings) -> ObjectStore:
    """The same, once it has replied: an unreachable store, or one that refuses the credentials, is reported at once,
    not by the first step.

    Raises ServiceError.
    """
    store = open_store(settings)
    store.exists("models/ready")
    return store


def main(start: Callable[[Settings], None]) -> None:
    """Run a process's `start`; a SparError becomes a message and an exit code."""
    redact_tracebacks()
    try:
        start(read_settings(Settings))
    except SparError as error:
        print(f"error: {error.what}\nfix: {error.fix}", file=sys.stderr)
        sys.exit(error.exit_code)


def run_worker(settings: Settings, queues: Sequence[str]) -> None:
    """Hold a worker and consume the queues, until SIGTERM or SIGINT. What is in flight then is cancelled."""
    log_to(None)
    refuse_too_small_a_host()
    store = reach_store(settings)
    check_password(settings.broker_url.get_secret_value())
    end = ProcessEnd(STOP_S)
    cache = ModelCache(settings.work_dir / "models", store, settings.model_cache_bytes)
    configure(settings)
    outbox = Outbox(_send, settings.work_dir / "reports")
    worker = Worker(
        settings.worker_name,
        store,
        cache,
        settings.work_dir,
        outbox.put,
        settings.heartbeat_s,
        reply=outbox.put,
        ended=end,
    )
    workers.install(worker)

    def on_shutdown(**_: object) -> None:
        end_within(STOP_S)
        worker.close()

    worker_shutting_down.connect(on_shutdown, weak=False)
    name = f"{'+'.join(queues)}@{settings.worker_name}"
    try:
        consume(queues, settings.threads, name, settings.alive_file, lambda: worker.silent_s)
    finally:
        # Only now have all tasks ended, and with them their reports begun to wait.
        outbox.close()
    end.raise_failure()


def _send(letter: Letter) -> None:
    if letter.to is None:
        announce(letter.report)
    else:
        reply(letter.report, letter.to)


def consume(
    queues: Sequence[str], threads: int, name: str, alive_file: Path | None, silent_s: Callable[[], float]
) -> None:
    """Celery's own worker in the main thread, with its signal handlers; returns when it has stopped.

    Raises LoopEnded if it ended by itself.
    """
    if alive_file is not None:
        touch_while_connected(alive_file, silent_s)
    # Celery warns as root; our images run as an ordinary user, and a test machine may not.
    os.environ.setdefault("C_FORCE_ROOT", "1")
    worker = app.Worker(
        pool="threads",
        concurrency=threads,
        queues=list(queues),
        hostname=name,
        loglevel="INFO",
        without_mingle=True,
        without_gossip=True,
    )
    worker.start()
    if worker.exitcode:
        raise LoopEnded(
            "Celery's worker ended by itself.",
            "Look into the log for what ended it (Unrecoverable error), and start the process again.",
        )
