"""What Redis says becomes what happened and what to do, also within a pipeline and where redis-py drops the code."""

import pytest
from kombu.exceptions import OperationalError
from redis import exceptions
from redis._parsers.base import BaseParser

from spar.runtime.broker_troubles import broker_trouble


def _parsed(reply: str) -> Exception:
    """As redis-py raises it: of what it knows, the code is not in the text."""
    error: Exception = BaseParser.parse_error(reply)
    return error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (_parsed("OOM command not allowed when used memory > 'maxmemory'."), "is out of memory"),
        (_parsed("READONLY You can't write against a read only replica."), "it is a replica"),
        (_parsed("MISCONF Redis is configured to save RDB snapshots, but"), "cannot save"),
        (_parsed("LOADING Redis is loading the dataset in memory"), "is loading its data"),
        (_parsed("BUSY Redis is busy running a script."), "is held up by a script"),
        (_parsed("NOAUTH Authentication required."), "asks for a password"),
        (_parsed("WRONGPASS invalid username-password pair or user is disabled."), "refuses our credentials"),
        (_parsed("NOPERM User default has no permissions to run the 'lpush' command"), "does not let this user"),
        (exceptions.ResponseError("Command # 1 (SADD q) of pipeline caused error: MISCONF Redis is"), "cannot save"),
        (ConnectionRefusedError("[Errno 111]"), "cannot be reached"),
    ],
)
def test_every_trouble_has_two_sentences(error: Exception, what: str) -> None:
    trouble = broker_trouble(error)
    assert what in trouble.what
    assert trouble.fix.endswith("work resumes when it is back.")


def test_what_kombu_wraps_keeps_its_code() -> None:
    wrapped = OperationalError("Authentication required.")
    wrapped.__cause__ = _parsed("NOAUTH Authentication required.")
    assert "asks for a password" in broker_trouble(wrapped).what
