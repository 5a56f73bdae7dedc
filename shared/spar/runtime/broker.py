"""The seam to the queues: sending messages, and asking what has become of them.

A broker loses messages: Redis may be emptied, a process with a memory broker may end. `loss` reports that, once.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from spar.errors import ServiceError
from spar.runtime.app import in_brief
from spar.runtime.broker_troubles import broker_trouble

log = structlog.get_logger()

EPOCH_KEY = "spar:epoch"
PROBE_KEY = "spar:probe"
PROBE_S = 60
CONNECT_S = 5.0
WATCHER_S = 24 * 3600
"""A watcher comes and goes; its key goes a day after its last look."""


class BrokerReset(StrEnum):
    """What happened to messages since the last question."""

    NONE = "none"
    MESSAGES = "messages"  # the queues were emptied; workers may still be running what they took
    EVERYTHING = "everything"  # queues and workers lived in a process that is gone


class Broker(Protocol):
    def send(self, task: str, queue: str, message: dict[str, Any]) -> None:
        """Raises ServiceError when the broker cannot be reached."""
        ...

    def waiting(self, queue: str) -> int:
        """Messages in the queue that no worker has taken. Raises ServiceError."""
        ...

    def try_write(self) -> None:
        """Raises BrokerFull if no message would be taken, ServiceError if none could be sent."""
        ...

    def loss(self) -> BrokerReset:
        """What was lost since the last call; the first call of a process counts as one. Raises ServiceError."""
        ...


class CeleryBroker:
    """Celery's broker, by its own connections. `watcher` names a second process besides the coordinator that checks for
    losses: each receives every loss, once."""

    def __init__(self, app: Celery, watcher: str = "") -> None:
        self._app = app
        self._watcher = watcher
        self._first = True

    def send(self, task: str, queue: str, message: dict[str, Any]) -> None:
        with broker_errors_explained():
            self._app.send_task(task, args=[message], queue=queue, retry=False, argsrepr=in_brief(message))

    def waiting(self, queue: str) -> int:
        with broker_errors_explained(), self._app.connection_for_read() as connection:
            return int(connection.default_channel._size(queue))

    def try_write(self) -> None:
        if str(self._app.conf.broker_url).startswith("memory:"):
            return
        with broker_errors_explained(), self._app.connection_for_read() as connection:
            connection.default_channel.client.set(PROBE_KEY, "", ex=PROBE_S)

    def loss(self) -> BrokerReset:
        """Whether the broker has lost its messages since the last call. Raises ServiceError while it is unreachable."""
        first, self._first = self._first, False
        if str(self._app.conf.broker_url).startswith("memory:"):
            return BrokerReset.EVERYTHING if first else BrokerReset.NONE
        try:
            with broker_errors_explained(), self._app.connection_for_read() as connection:
                # Written with the first look; gone only if Redis lost its data, and the messages with it.
                client = connection.default_channel.client
                key = f"{EPOCH_KEY}:{self._watcher}" if self._watcher else EPOCH_KEY
                fresh = client.set(key, uuid.uuid4().hex, nx=True)
                if self._watcher:
                    client.expire(key, WATCHER_S)
        except ServiceError:
            self._first = first
            raise
        return BrokerReset.MESSAGES if fresh else BrokerReset.NONE


def check_password(url: str) -> None:
    """Raises ServiceError if Redis refuses the connection. An unreachable Redis is no error: Celery waits for it and
    logs that."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if not url.startswith(("redis:", "rediss:")):
        return
    deadlines = {"socket_connect_timeout": CONNECT_S, "socket_timeout": CONNECT_S}
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **deadlines) as client:
        try:
            client.ping()
        except redis.AuthenticationError as error:
            raise ServiceError(
                f"Redis refuses our credentials: {str(error).rstrip('.')}.",
                "Give SPAR_BROKER_URL the password that Redis has (REDIS_PASSWORD in .env, with docker compose).",
            ) from error
        except redis.RedisError as error:
            log.warning("broker_away", error=str(error))


@contextmanager
def broker_errors_explained() -> Iterator[None]:
    """Kombu wraps what Redis raises in some places and not in others."""
    from redis.exceptions import RedisError

    try:
        yield
    except (OperationalError, RedisError, OSError) as error:
        raise broker_trouble(error) from error
