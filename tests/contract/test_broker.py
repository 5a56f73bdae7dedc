"""The contract of every broker: the fake, Celery on a memory broker, Celery on a real Redis."""

from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from kombu import Queue

from spar.errors import ServiceError
from spar.runtime.app import WORKER_QUEUES, purge
from spar.runtime.broker import EPOCH_KEY, WATCHER_S, Broker, BrokerReset, CeleryBroker
from spar.runtime.broker_troubles import BrokerFull
from spar.testing.broker import RecordingBroker
from tests import servers

TASK, QUEUE = "generation.generate", "generation"
MAKERS = ["recording", "memory", pytest.param("redis", marks=pytest.mark.integration)]


def celery_on(url: str, empty: bool = True) -> Celery:
    """An app for this test alone: the process's app keeps its connections when its broker changes."""
    app = Celery("broker-contract", set_as_current=False)
    app.conf.update(broker_url=url, task_queues=[Queue(name) for name in WORKER_QUEUES])
    if empty:
        purge(app)
    return app


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Broker]]:
    """Creates brokers over the same queues, as successive processes do."""
    if request.param == "recording":
        yield RecordingBroker
        return
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    app = celery_on(url)
    yield lambda: CeleryBroker(app)
    app.close()


@pytest.fixture
def broker(make: Callable[[], Broker]) -> Broker:
    return make()


def test_what_is_sent_waits_in_its_queue(broker: Broker) -> None:
    assert broker.waiting(QUEUE) == 0
    for attempt in (1, 2):
        broker.send(TASK, QUEUE, {"attempt": attempt})
    assert broker.waiting(QUEUE) == 2
    assert broker.waiting("judgment") == 0


def test_a_loss_is_reported_once(broker: Broker) -> None:
    assert broker.loss() is not BrokerReset.NONE  # a new process cannot know what was there before it
    assert broker.loss() is BrokerReset.NONE
    broker.send(TASK, QUEUE, {})
    assert broker.loss() is BrokerReset.NONE


@pytest.mark.integration
def test_redis_remembers_for_the_next_process_and_tells_when_it_was_emptied(
    redis_server: object, redis_url: str
) -> None:
    app = celery_on(redis_url)
    assert CeleryBroker(app).loss() is BrokerReset.MESSAGES
    following = CeleryBroker(app)
    assert following.loss() is BrokerReset.NONE
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushall()
    assert following.loss() is BrokerReset.MESSAGES
    assert following.loss() is BrokerReset.NONE
    app.close()


@pytest.mark.integration
def test_every_watcher_learns_of_a_loss_and_leaves_nothing(redis_server: servers.RedisServer, redis_url: str) -> None:
    app = celery_on(redis_url)
    coordinator, watcher = CeleryBroker(app), CeleryBroker(app, "evolve")
    brokers = (coordinator, watcher)
    for _ in range(2):
        assert [broker.loss() for broker in brokers] == [BrokerReset.MESSAGES] * 2
        assert [broker.loss() for broker in brokers] == [BrokerReset.NONE] * 2
        with redis_server.client() as client:
            assert client.ttl(EPOCH_KEY) == -1
            assert 0 < client.ttl(f"{EPOCH_KEY}:evolve") <= WATCHER_S
        redis_server.flush()
    app.close()


@pytest.mark.parametrize("call", ["send", "waiting", "loss"])
def test_a_broker_that_is_away_is_a_service_error(call: str) -> None:
    app = celery_on("redis://:secret@127.0.0.1:1/0", empty=False)
    brokers: list[Broker] = [CeleryBroker(app), RecordingBroker(away=True)]
    calls: dict[str, Callable[[Broker], object]] = {
        "send": lambda broker: broker.send(TASK, QUEUE, {}),
        "waiting": lambda broker: broker.waiting(QUEUE),
        "loss": lambda broker: broker.loss(),
    }
    for broker in brokers:
        with pytest.raises(ServiceError) as raised:
            calls[call](broker)
        assert raised.value.fix
        assert "secret" not in str(raised.value)
    app.close()


def test_a_broker_that_has_room_takes_a_write(broker: Broker) -> None:
    broker.try_write()


@pytest.mark.integration
def test_a_redis_that_is_full_says_so(redis_server: servers.RedisServer) -> None:
    app = celery_on(redis_server.url)
    broker = CeleryBroker(app)
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(BrokerFull, match="out of memory"):
                broker.try_write()
            with pytest.raises(ServiceError, match="maxmemory"):
                broker.send(TASK, QUEUE, {})
        finally:
            client.config_set("maxmemory", "0")
    broker.try_write()
    app.close()
