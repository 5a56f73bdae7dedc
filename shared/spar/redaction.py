"""Takes credentials out of text before it is kept or shown: errors, logs, and the output of children.

Two ways to know one: by value (environment variables that hold credentials, and what `remember` was given) and by
form (an Authorization header, the user part of a URL, a provider's key). Standard library only: the guard of children
loads this file by its path. Knows nothing of who writes the text.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any

REDACTED = "[redacted]"
SHORTEST = 6
"""Characters of a value that is looked for; shorter ones (`none`, `x`) are placeholders, and words of any text."""
_UNMISTAKABLE = 12
"""Characters from which a value is found inside of longer words, too."""

_NAMES = re.compile(r"(?:(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWD|CREDENTIALS?)|PASSWORD|ACCESS_KEY_ID)$", re.I)
_USER_OF_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?P<user>[^/?#@]*?)(?::(?P<password>.*))?@", re.I | re.S)

_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host and scheme://token@host
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,30}://)([^\s/?#@:\"'<>]*):[^\s/?#@\"'<>]*@", re.I), rf"\1\2:{REDACTED}@"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,30}://)[^\s/?#@:\"'<>]{16,}@", re.I), rf"\1{REDACTED}@"),
    (
        re.compile(
            r"([?&](?:api[-_]?key|key|token|access[-_]token|sig|signature|secret|password)=)[^\s&#\"'<>]+", re.I
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(
            r"((?:authorization|x-api-key|api-key|x-goog-api-key)[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)"
            r"(?!(?:bearer|basic|token)\b|\[|\$|<|\{)[^\s\"'`,;}\]]{6,}",
            re.I,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"\b(Bearer\s+)(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{12,}=*"), rf"\1{REDACTED}"),
    (re.compile(r"\b(?:sk|rk|gsk|xai)[-_][A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bAKIA[0-9A-Z]{16}\b"), REDACTED),
)

_remembered: set[str] = set()


def remember(value: str) -> None:
    """Redact this value from now on: a credential of this process that is in no environment variable."""
    if len(value.strip()) >= SHORTEST:
        _remembered.add(value.strip())


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with `[redacted]` in place of every credential that is known by its value or its form."""
    values = _pattern(frozenset(secrets_of(environment)) | _remembered)
    if values is not None:
        text = values.sub(REDACTED, text)
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text


def redact_all(value: Any) -> Any:
    """The same for every string in lists and mappings, as logs have them; anything else as it is."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(each) for each in value]
    return redact(str(value)) if isinstance(value, BaseException) else value


def secrets_of(environment: Mapping[str, str]) -> set[str]:
    """The credentials among the values: of variables that are named as such, and the user part of URLs."""
    found: set[str] = set()
    for name, value in environment.items():
        if _NAMES.search(name):
            found.add(value.strip())
        elif "://" in value and (user := _USER_OF_URL.match(value)):
            # A name alone is a token to web servers, and no secret to databases.
            found.add(user["password"] or (user["user"] if value.lower().startswith("http") else ""))
    return {value for value in found if len(value) >= SHORTEST}


def without_secrets(environment: Mapping[str, str], keep: Iterable[str] = ()) -> dict[str, str]:
    """The environment for a child that needs no credentials, but for the variables to `keep`."""
    kept = frozenset(keep)
    return {name: value for name, value in environment.items() if name in kept or not _is_secret(name, value)}


def _is_secret(name: str, value: str) -> bool:
    return _NAMES.search(name) is not None or ("://" in value and _USER_OF_URL.match(value) is not None)


def has_credential(url: str) -> bool:
    """Whether a URL carries a user, a password or a key."""
    return _USER_OF_URL.match(url) is not None or _FORMS[2][0].search(url) is not None


def redact_tracebacks() -> None:
    """From now on, what ends this process is shown without credentials."""
    sys.excepthook = _show


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from traceback import format_exception  # an error is the last thing that happens: nothing else needs it

    print(redact("".join(format_exception(kind, error, trace))), file=sys.stderr, end="")


@lru_cache(maxsize=8)
def _pattern(values: frozenset[str]) -> re.Pattern[str] | None:
    # Longest first: one value may begin with another.
    forms = sorted({form for value in values for form in _written(value)}, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(_alone, forms))) if forms else None


def _written(value: str) -> Iterable[str]:
    """A value as it is, and as URLs, JSON and Python's repr have it."""
    yield value
    if not re.fullmatch(r"[\w.~-]+", value, re.A):
        from json import dumps
        from urllib.parse import quote

        yield from (quote(value), quote(value, safe=""), dumps(value)[1:-1], repr(value)[1:-1])


def _alone(form: str) -> str:
    found = re.escape(form)
    return found if len(form) >= _UNMISTAKABLE else rf"(?<![A-Za-z0-9]){found}(?![A-Za-z0-9])"
