"""Reads once more before an object counts as lost: one failed read is not lost data.

A store behind a network may miss an object for a moment (a node that lags, a proxy that answers for it, a packet that
was cut), and recomputing what is still there costs far more than waiting.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from spar.errors import ObjectLost

log = structlog.get_logger()

T = TypeVar("T")

PAUSES_S = (0.2, 1.0)
"""Before the second and the third read."""


def reread(read: Callable[[], T]) -> T:
    """What `read` returns, tried again while it finds the object missing or other than it was written."""
    for pause_s in PAUSES_S:
        try:
            return read()
        except ObjectLost as error:
            log.info("read_again", key=error.key, pause_s=pause_s)
            time.sleep(pause_s)
    return read()
