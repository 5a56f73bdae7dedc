"""When a busy server wants the next attempt, in all the forms that servers use."""

from datetime import UTC, datetime

import pytest

from spar.engines.openai_waits import requested_wait

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "message", "expected"),
    [
        ({"Retry-After": "20"}, "", 20),
        ({"Retry-After": "19.5"}, "", 19.5),
        ({"retry-after": "0"}, "", 0),
        ({"Retry-After": "20s"}, "", 20),
        ({"Retry-After": "1m30s"}, "", 90),
        ({"Retry-After": "250ms"}, "", 0.25),
        ({"Retry-After": "Mon, 30 Nov 2026 12:00:45 GMT"}, "", 45),
        ({"Retry-After": "Mon, 30 Nov 2026 11:00:00 GMT"}, "", 0),
        ({"Retry-After": "2026-11-30T12:00:10Z"}, "", 10),
        ({"Retry-After": "1796040030"}, "", 30),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, "", 1.5),
        ({"x-ms-retry-after-ms": "1500"}, "", 1.5),
        ({"Retry-After": "soon"}, "Please try again in 7.2s.", 7.2),
        ({}, "Rate limit reached. Please try again in 1m2.5s. Visit ...", 62.5),
        ({}, "Please retry after 20 seconds.", 20),
        ({}, "try again in 90ms", 0.09),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0"}, "", 90),
        (
            {
                "x-ratelimit-reset-requests": "1h",
                "x-ratelimit-remaining-requests": "12",
                "x-ratelimit-reset-tokens": "6s",
                "x-ratelimit-remaining-tokens": "0",
            },
            "",
            6,
        ),
        ({"x-ratelimit-reset-tokens": "6m"}, "", None),
        ({"x-ratelimit-reset-tokens": "6m", "x-ratelimit-reset-requests": "1s"}, "", None),
        ({"X-RateLimit-Reset": "1796040060000", "X-RateLimit-Remaining": "0"}, "", 60),
        ({"anthropic-ratelimit-input-tokens-reset": "2026-11-30T12:00:07Z"}, "", 7),
        ({"x-ratelimit-reset": "12"}, "", 12),
        ({}, "", None),
        ({"Retry-After": ""}, "", None),
        ({"Retry-After": "-5"}, "", None),
        ({"Retry-After": "nan"}, "", None),
    ],
)
def test_the_wait_that_is_asked_for(headers: dict[str, str], message: str, expected: float | None) -> None:
    assert requested_wait(headers, message, NOW) == (None if expected is None else pytest.approx(expected))
