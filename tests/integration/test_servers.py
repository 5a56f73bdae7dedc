"""The tests' real servers behave as the tests assume."""

import os

import psycopg
import pytest
import redis

from tests.servers import PostgresServer, RedisServer, redis_client, redis_server


def test_redis_requires_its_password_and_keeps_its_data(redis_server: RedisServer, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("key", "value")
    with redis_client(redis_server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    redis_server.restart()
    with redis.Redis.from_url(redis_url) as client:
        assert client.get("key") == b"value"


def test_redis_can_lose_its_data(redis_server: RedisServer, redis_url: str) -> None:
    for lose in (redis_server.flush, lambda: redis_server.restart(lose_data=True)):
        with redis.Redis.from_url(redis_url) as client:
            client.set("key", "value")
        lose()
        with redis.Redis.from_url(redis_url) as client:
            assert client.get("key") is None


@pytest.mark.integration
def test_a_server_is_gone_after_its_block() -> None:
    with redis_server() as server:
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_postgres_gives_every_test_its_own_database(postgres_server: PostgresServer, new_postgres_url: str) -> None:
    with psycopg.connect(new_postgres_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE t (n int)")
    with psycopg.connect(postgres_server.new_database().replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 't'").fetchone() == (0,)
