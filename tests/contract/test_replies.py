"""Reports to the sender's own queue: on a memory broker, and on a real Redis that fails."""

from collections.abc import Iterator

import pytest
from celery import Celery

from spar.errors import ConflictError, ServiceError
from spar.messages.coordinator import StepStarted
from spar.runtime.replies import KEPT_S, ReplyQueue, reply
from tests import servers
from tests.contract.test_broker import celery_on

BROKERS = ["memory", pytest.param("redis", marks=pytest.mark.integration)]


@pytest.fixture(params=BROKERS)
def celery(request: pytest.FixtureRequest) -> Iterator[Celery]:
    made = celery_on("memory://" if request.param == "memory" else request.getfixturevalue("redis_url"))
    yield made
    made.close()


def started(step_id: int) -> StepStarted:
    return StepStarted(step_id=step_id, attempt=1, worker="w")


def test_each_asker_gets_its_own_in_order(celery: Celery) -> None:
    mine, yours = ReplyQueue(celery, "evolve"), ReplyQueue(celery, "evolve")
    assert mine.next(0) is None
    for step_id in (1, 2):
        reply(started(step_id), mine.name, celery)
    reply(started(3), yours.name, celery)
    assert [mine.next(5), mine.next(5), mine.next(0)] == [started(1), started(2), None]
    assert yours.next(5) == started(3)
    for queue in (mine, yours):
        queue.close()


def test_what_is_no_report_is_rejected(celery: Celery) -> None:
    mine = ReplyQueue(celery, "evolve")
    with celery.producer_pool.acquire(block=True) as producer:
        producer.publish({"kind": "unheard of"}, exchange="", routing_key=mine.name, serializer="json")
    with pytest.raises(ConflictError, match="none that this version can read"):
        mine.next(5)
    mine.close()


def test_nothing_stays_behind_in_redis(redis_server: servers.RedisServer, redis_url: str) -> None:
    celery = celery_on(redis_url)
    with redis_server.client() as client:
        before = set(client.keys())
        mine = ReplyQueue(celery, "evolve")
        for step_id in (1, 2):
            reply(started(step_id), mine.name, celery)
        assert set(client.keys()) - before == {mine.name.encode()}
        assert KEPT_S - 60 < client.ttl(mine.name) <= KEPT_S
        assert mine.next(5) == started(1)
        mine.close()
        assert set(client.keys()) == before
        reply(started(3), mine.name, celery)  # by a worker that does not know it yet
        assert 0 < client.ttl(mine.name) <= KEPT_S
    celery.close()


def test_an_unreachable_redis_is_reported_and_found_again(redis_server: servers.RedisServer, redis_url: str) -> None:
    celery = celery_on(redis_url)
    mine = ReplyQueue(celery, "evolve")
    assert mine.next(0) is None
    redis_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(ServiceError, match="cannot be reached") as raised:
                mine.next(0)
            assert "not-a-secret" not in str(raised.value)
        mine.close()  # what cannot be removed goes by its age
    finally:
        redis_server.start()
    reply(started(1), mine.name, celery)
    assert mine.next(5) == started(1)
    mine.close()
    celery.close()
