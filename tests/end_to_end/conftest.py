"""Servers that several end-to-end tests share."""

from collections.abc import Iterator

import pytest

from spar.testing.process import INSTANT, server_process


@pytest.fixture(scope="module")
def instant() -> Iterator[str]:
    """The URL of a simulated model server that replies immediately."""
    with server_process(*INSTANT) as url:
        yield url
