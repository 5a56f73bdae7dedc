"""What several whole commands talk to."""

from collections.abc import Iterator

import pytest

from spar.testing.process import INSTANT, server_process


@pytest.fixture(scope="module")
def instant() -> Iterator[str]:
    """The URL of a simulated model server that replies at once."""
    with server_process(*INSTANT) as url:
        yield url
