"""How long a busy server wants its clients to wait, in any of the forms that servers use. Pure; opens nothing."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS_S = (3600.0, 60.0, 1.0, 0.001)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IN_MESSAGE = re.compile(
    r"(?:try again|retry) (?:in|after) (?:((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)(?![a-z])|(\d+(?:\.\d+)?) ?sec)", re.I
)
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
_EPOCH_S = 10**9
"""A reset at or above it is a time since 1970 (2001 or later), not a duration."""
_EPOCH_MS = 10**12


def requested_wait(headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Seconds until the next attempt, or None where the reply names none.

    In order: milliseconds, `Retry-After` (seconds, a duration, a date), the message's "try again in 19.5s", and the
    resets of the rate limits that are used up.
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    for wait in _waits(named, message, now):
        if wait is not None:
            return max(0.0, wait)
    return None


def _waits(named: Mapping[str, str], message: str, now: datetime) -> Iterator[float | None]:
    for name in _MILLISECONDS:
        if _NUMBER.fullmatch(named.get(name, "")):
            yield float(named[name]) / 1000
    yield _seconds(named.get("retry-after", ""), now)
    found = _IN_MESSAGE.search(message)
    yield _duration((found[1] or f"{found[2]}s").lower()) if found else None
    yield max(_resets(named, now), default=None)


def _resets(named: Mapping[str, str], now: datetime) -> Iterator[float]:
    """The resets of limits whose remainder is 0; other limits are no reason to wait.

    With a single limit, its reset alone is the time of the next request. With several (`-tokens`, `-requests`) a reset
    is when that limit is full again, which may be long after the next request would be accepted.
    """
    for name, value in named.items():
        if not re.match(r"(?:x-)?ratelimit-reset|anthropic-ratelimit-[\w-]+-reset", name):
            continue
        left = named.get(name.replace("reset", "remaining"))
        if left is None and not name.endswith("reset"):
            continue
        wait = _seconds(value, now)
        if wait is not None and (left is None or not _NUMBER.fullmatch(left) or float(left) == 0):
            yield wait


def _seconds(text: str, now: datetime) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _EPOCH_MS:
            return number / 1000 - now.timestamp()
        return number - now.timestamp() if number >= _EPOCH_S else number
    return _duration(text.lower()) if text[:1].isdigit() and text[4:5] != "-" else _until(text, now)


def _duration(text: str) -> float | None:
    """`20s`, `1m30s`, `120ms`, `1h2m`."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return None
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True) if part)


def _until(text: str, now: datetime) -> float | None:
    """An HTTP date, or an ISO one."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
        except ValueError:
            continue
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return None
