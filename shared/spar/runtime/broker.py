"""The seam to the queues: sending messages, and asking what has become of them.

A broker forgets: Redis may be emptied, a process that held a memory broker may die. `loss` tells which, once.
"""

import uuid
from enum import StrEnum
from typing import Any, Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from spar.errors import BrokerFull, ServiceError
from spar.runtime.app import in_brief

log = structlog.get_logger()

EPOCH_KEY = "spar:epoch"
PROBE_KEY = "spar:probe"
PROBE_S = 60
FULL = "maxmemory"
"""In what Redis replies to a write for which it has no room."""
CONNECT_S = 5.0
WATCHER_S = 24 * 3600
"""A watcher comes and goes; its key goes a day after its last look."""


class Loss(StrEnum):
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

    def loss(self) -> Loss:
        """What was lost since the last call; the first call of a process counts as one. Raises ServiceError."""
        ...


class CeleryBroker:
    """Celery's broker, by way of its own connections. `watcher` names one besides the coordinator who asks for losses:
    each is told of every loss, once."""

    def __init__(self, app: Celery, watcher: str = "") -> None:
        self._app = app
        self._watcher = watcher
        self._first = True

    def send(self, task: str, queue: str, message: dict[str, Any]) -> None:
        try:
            self._app.send_task(task, args=[message], queue=queue, retry=False, argsrepr=in_brief(message))
        except (OperationalError, *_redis_errors()) as error:  # a full Redis answers, and refuses
            raise unreachable(error) from error

    def waiting(self, queue: str) -> int:
        try:
            with self._app.connection_for_read() as connection:
                return int(connection.default_channel._size(queue))
        except (OperationalError, *_redis_errors()) as error:  # a full Redis answers, and refuses
            raise unreachable(error) from error

    def try_write(self) -> None:
        if str(self._app.conf.broker_url).startswith("memory:"):
            return
        try:
            with self._app.connection_for_read() as connection:
                connection.default_channel.client.set(PROBE_KEY, "", ex=PROBE_S)
        except Exception as error:
            if not isinstance(error, (OperationalError, *_redis_errors())):
                raise
            if FULL in str(error):
                raise BrokerFull(
                    f"Redis is full and takes no more messages: {error}.",
                    "Raise its maxmemory or make room; the run then resumes by itself.",
                ) from error
            raise unreachable(error) from error

    def loss(self) -> Loss:
        first, self._first = self._first, False
        if str(self._app.conf.broker_url).startswith("memory:"):
            return Loss.EVERYTHING if first else Loss.NONE
        try:
            with self._app.connection_for_read() as connection:
                # Written with the first look; gone only if Redis lost its data, and the messages with it.
                client = connection.default_channel.client
                key = f"{EPOCH_KEY}:{self._watcher}" if self._watcher else EPOCH_KEY
                fresh = client.set(key, uuid.uuid4().hex, nx=True)
                if self._watcher:
                    client.expire(key, WATCHER_S)
        except Exception as error:
            self._first = first
            if not isinstance(error, (OperationalError, *_redis_errors())):
                raise
            raise unreachable(error) from error
        return Loss.MESSAGES if fresh else Loss.NONE


def check_password(url: str) -> None:
    """Raises ServiceError if Redis refuses us. A Redis that is away is no error: Celery waits for it and says so."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if not url.startswith(("redis:", "rediss:")):
        return
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=CONNECT_S) as client:
        try:
            client.ping()
        except redis.AuthenticationError as error:
            raise ServiceError(
                f"Redis refuses our credentials: {str(error).rstrip('.')}.",
                "Give SPAR_BROKER_URL the password that Redis has (REDIS_PASSWORD in .env, with docker compose).",
            ) from error
        except redis.RedisError as error:
            log.warning("broker_away", error=str(error))


def _redis_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return (RedisError,)


def unreachable(error: Exception) -> ServiceError:
    return ServiceError(
        f"The message broker cannot be reached: {error}.",
        "Check that Redis runs and that SPAR_BROKER_URL has its address and password; work resumes when it is back.",
    )
