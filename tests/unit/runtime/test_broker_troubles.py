"""What Redis says becomes what happened and what to do, also within a pipeline and where redis-py drops the code."""

import pytest
from redis import exceptions

from spar.runtime.broker_troubles import broker_trouble


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (exceptions.ResponseError("OOM command not allowed when used memory > 'maxmemory'."), "is out of memory"),
        (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "is out of memory"),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), "it is a replica"),
        (exceptions.ResponseError("Command # 1 (SADD q) of pipeline caused error: MISCONF Redis is"), "cannot save"),
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "is loading its data"),
        (exceptions.AuthenticationError("NOAUTH Authentication required."), "asks for a password"),
        (ConnectionRefusedError("[Errno 111]"), "cannot be reached"),
    ],
)
def test_every_trouble_has_two_sentences(error: Exception, what: str) -> None:
    trouble = broker_trouble(error)
    assert what in trouble.what
    assert trouble.fix.endswith("work resumes when it is back.")
