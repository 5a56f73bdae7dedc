"""Fixtures for every test: real servers, started when the first test needs them and stopped at the end."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from spar.runtime.log import log_to
from tests import servers

# As `make` does it, and before torch is imported: its second thread collapses when the other core is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("spar", deadline=None)  # a busy machine is not a failure
settings.load_profile("spar")

_SERVERS = {"redis_server", "redis_url", "postgres_server", "postgres_url", "new_postgres_url", "s3"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses a real server is an integration test."""
    for item in items:
        if _SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """For commands that run in this process and redirect its logs."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    log_to(None)  # closes the log file, if there was one
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.RedisServer]:
    with servers.redis_server(password="not-a-secret") as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.RedisServer) -> str:
    """An empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    with servers.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: servers.PostgresServer) -> str:
    """One database that all tests of the session share."""
    return postgres_server.url


@pytest.fixture
def new_postgres_url(postgres_server: servers.PostgresServer) -> str:
    """An empty database for this test alone."""
    return postgres_server.new_database()


@pytest.fixture(scope="session")
def s3() -> Iterator[servers.S3Server]:
    with servers.s3_server() as server:
        yield server
