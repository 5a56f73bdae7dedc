"""What a server does wrong on purpose, so that clients can be tested. Knows nothing of HTTP or text."""

import random
from dataclasses import dataclass

HANG = 0
"""Stands for a request that never gets a reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFailures:
    """Shares of requests, drawn from a seeded sequence; `api_key` makes every request without it a 401."""

    status_500: float = 0.0
    status_429: float = 0.0
    status_503: float = 0.0
    hang: float = 0.0
    stop_after: int | None = None
    """Requests after which every further one gets a 503, as if the engine had died."""
    one_choice: bool = False
    """Reply with one choice whatever n is, as some servers do."""
    api_key: str | None = None
    seed: int = 0


class FailureDraw:
    def __init__(self, failures: ServerFailures) -> None:
        self._failures = failures
        self._draw = random.Random(failures.seed)
        self._requests = 0

    def next(self) -> int | None:
        """The status of the next request's failure, `HANG`, or None if it is to be served."""
        failures = self._failures
        self._requests += 1
        if failures.stop_after is not None and self._requests > failures.stop_after:
            return 503
        place = self._draw.random()
        for status, share in (
            (500, failures.status_500),
            (429, failures.status_429),
            (503, failures.status_503),
            (HANG, failures.hang),
        ):
            if place < share:
                return status
            place -= share
        return None
