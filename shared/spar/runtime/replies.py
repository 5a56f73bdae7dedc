"""The reports of workers to a sender of steps that is no coordinator, and the queue in which they arrive.

The queue belongs to one process and is removed when that process closes it; after a kill, the broker drops its contents
an hour after the last reply. Knows nothing of what the steps do.
"""

import uuid
from contextlib import suppress
from queue import Empty

from celery import Celery
from kombu import Connection, Queue
from kombu.simple import SimpleQueue
from pydantic import ValidationError

from spar.errors import ConflictError
from spar.messages.coordinator import REPORT, Report
from spar.runtime.app import app
from spar.runtime.broker_troubles import broker_trouble

KEPT_S = 3600
"""A sender that is suspended for longer, as on a laptop that sleeps, finds in the store what was done."""
SHORTEST_S = 0.01  # with none at all, what waits would not be read


def reply(report: Report, to: str, celery: Celery = app) -> None:
    """Send the queue a report, once, as `announce` does."""
    with celery.producer_pool.acquire(block=True) as producer:
        producer.publish(
            report.model_dump(mode="json"),
            serializer="json",
            exchange="",  # straight to the queue: no binding of it stays behind
            routing_key=to,
            declare=[_queue(to)],
            retry=False,
        )


class ReplyQueue:
    """A queue of this process's own. `name` is what `reply_to` says. Not safe from several threads."""

    def __init__(self, celery: Celery, asker: str) -> None:
        self.name = f"replies.{asker}.{uuid.uuid4().hex}"
        self._app = celery
        self._connection: Connection | None = None
        self._waiting: SimpleQueue | None = None
        self._losses: tuple[type[Exception], ...] = ()

    def next(self, timeout_s: float) -> Report | None:
        """The oldest report, or None when none came within the time.

        Raises ServiceError while the broker is unreachable, once it has waited as long for it; ConflictError for what
        is not a report of this version.
        """
        timeout_s = max(timeout_s, SHORTEST_S)
        if self._waiting is None:
            self._connect(timeout_s)
        assert self._waiting is not None  # or `_connect` has raised
        try:
            message = self._waiting.get(timeout=timeout_s)
        except Empty:
            return None
        except self._losses as error:
            self._drop()
            raise broker_trouble(error) from error
        try:
            report: Report = REPORT.validate_python(message.payload)
        except ValidationError as error:
            raise ConflictError(
                "A worker's report is none that this version can read.", "Use the version that the workers have."
            ) from error
        return report

    def close(self) -> None:
        """Remove the queue with its contents. If the broker is unreachable, the queue expires."""
        if self._waiting is not None:
            with suppress(*self._losses):
                self._waiting.close()
                self._waiting.queue.purge()  # an empty queue is none, in Redis
        self._drop()

    def _connect(self, timeout_s: float) -> None:
        self._connection = self._app.connection_for_read()
        self._losses = self._connection.recoverable_connection_errors
        try:
            self._connection.ensure_connection(max_retries=1, interval_start=timeout_s, reraise_as_library_errors=False)
            self._waiting = SimpleQueue(self._connection.default_channel, _queue(self.name), no_ack=True)
        except self._losses as error:
            self._drop()
            raise broker_trouble(error) from error

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.release()
        self._connection = self._waiting = None


def _queue(name: str) -> Queue:
    # By its arguments kombu knows that it has to be declared each time, and Redis then counts its hour anew.
    return Queue(name, queue_arguments={"x-expires": KEPT_S * 1000})
