"""A server that accepts and never replies: its clients give up within the deadline, and recover when it does.

PostgreSQL's is in tests/contract/test_db.py.
"""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from spar.errors import ServiceError
from spar.runtime.app import redis_deadlines
from spar.runtime.broker import CeleryBroker, check_password
from spar.store.s3 import S3Store
from tests import servers
from tests.proxy import Proxy, proxied

pytestmark = pytest.mark.integration

LONG_S = 20.0
"""Far longer than the deadlines here, far shorter than hanging."""


def within(seconds: float, work: Callable[[], object]) -> object:
    """What the work returns or raises; fails if that takes longer."""
    began = time.monotonic()
    try:
        return work()
    finally:
        assert time.monotonic() - began < seconds


def until(work: Callable[[], object]) -> object:
    """What the work returns once it no longer raises ServiceError."""
    deadline = time.monotonic() + LONG_S
    while True:
        try:
            return work()
        except ServiceError:
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)


@pytest.fixture
def redis_proxy(redis_server: servers.RedisServer) -> Iterator[Proxy]:
    redis_server.flush()
    with proxied(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
def app(redis_server: servers.RedisServer, redis_proxy: Proxy) -> Iterator[Celery]:
    made = Celery("deadlines", set_as_current=False)
    made.conf.update(
        broker_url=redis_server.url.replace(str(redis_server.port), str(redis_proxy.port)),
        broker_transport_options=redis_deadlines(0.5),
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_ignore_result=True,
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    "use",
    [
        lambda broker: broker.waiting("generation"),
        lambda broker: broker.loss(),
        lambda broker: broker.send("generation.generate", "generation", {}),
    ],
)
def test_a_silent_redis_times_out_and_is_used_again(
    app: Celery, redis_proxy: Proxy, use: Callable[[CeleryBroker], object]
) -> None:
    broker = CeleryBroker(app)
    use(broker)
    redis_proxy.hang()
    for _ in range(2):  # on an existing connection, and on a new one
        with pytest.raises(ServiceError, match="message broker cannot be reached"):
            within(LONG_S, lambda: use(broker))
    redis_proxy.heal()
    until(lambda: use(broker))


def test_processes_start_although_redis_is_silent(redis_server: servers.RedisServer, redis_proxy: Proxy) -> None:
    redis_proxy.hang()
    url = redis_server.url.replace(str(redis_server.port), str(redis_proxy.port))
    within(LONG_S, lambda: check_password(url))


def test_a_worker_takes_messages_again_after_a_silence(app: Celery, redis_proxy: Proxy) -> None:
    arrived = threading.Semaphore(0)

    @app.task(name="tests.arrive")
    def arrive() -> None:
        arrived.release()

    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=LONG_S):
        arrive.apply_async()
        assert arrived.acquire(timeout=LONG_S)
        redis_proxy.hang()
        threading.Event().wait(2)  # longer than every deadline of the worker
        redis_proxy.heal()
        deadline = time.monotonic() + LONG_S
        while not arrived.acquire(timeout=0.2):  # a message may be lost with the connection; leases recover it
            assert time.monotonic() < deadline
            arrive.apply_async(retry=True, retry_policy={"max_retries": 3})


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [("maxmemory", "1", "is out of memory"), ("min-replicas-to-write", "1", "NOREPLICAS")],
)
def test_errors_of_a_full_redis_are_service_errors(
    app: Celery, redis_server: servers.RedisServer, setting: str, value: str, words: str
) -> None:
    broker = CeleryBroker(app)
    with redis_server.client() as client:
        client.config_set(setting, value)
        try:
            with pytest.raises(ServiceError, match=words):
                broker.send("generation.generate", "generation", {})
        finally:
            client.config_set(setting, "0")
    broker.send("generation.generate", "generation", {})
    assert broker.waiting("generation") == 1


def test_a_silent_store_times_out_and_is_used_again(s3: servers.S3Server) -> None:
    with proxied(s3.port) as proxy:
        store = S3Store(f"127.0.0.1:{proxy.port}", s3.access_key, s3.secret_key, s3.bucket, read_s=0.3)
        store.put("results/a/b", b"kept")
        proxy.hang()
        for use in (
            lambda: store.get("results/a/b"),
            lambda: store.put("results/a/c", b"x"),
            lambda: store.exists("results/a/b"),
            lambda: list(store.keys("")),
        ):
            with pytest.raises(ServiceError, match="cannot be reached"):
                within(LONG_S, use)
        proxy.heal()
        assert until(lambda: store.get("results/a/b")) == b"kept"
