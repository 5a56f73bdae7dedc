from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.integration.stack import Stack, stack


@pytest.fixture
def stopped(
    tmp_path: Path, redis_server: servers.RedisServer, new_postgres_url: str, s3: servers.S3Server
) -> Iterator[Stack]:
    """A stack in which no process has been started yet."""
    redis_server.flush()
    with stack(tmp_path, redis_server.url, new_postgres_url, s3) as made:
        yield made
