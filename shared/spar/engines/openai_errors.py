"""An OpenAI-compatible server's own account of an error, in the shapes that servers use, HTTP 200 included.

Knows the shapes of JSON; what an error means for a call is `openai_refusals`'.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spar.engines.openai_finish import Finish, finish_of
from spar.redaction import redact

_SHOWN = 300  # characters of a server's message
_PARAMETER = re.compile(r"\(parameter=(\w+)")
_WITHOUT_CHOICES = "a chat completion without choices"
_EMPTY = "a reply without a body"
_BAD_GATEWAY, _UNAVAILABLE = 502, 503
_NAMED_STATUS = (
    (re.compile(r"rate.?limit|too.?many.?requests|resource.?exhausted|throttl", re.I), 429),
    (re.compile(r"overload|unavailable|capacity|server.?error|internal", re.I), _UNAVAILABLE),
    (re.compile(r"time.?out|deadline", re.I), 504),
    (re.compile(r"auth|permission|forbidden|api.?key", re.I), 401),
    (re.compile(r"invalid|bad.?request|context|unsupported|not.?found", re.I), 400),
)
"""Statuses by the words of an error's code or type, for errors that come with HTTP 200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """`status` is HTTP's, or for an error with HTTP 200 the one that its body implies; missing fields are ""."""

    status: int
    message: str
    code: str = ""
    type: str = ""
    param: str = ""


def parsed(body: bytes) -> Any:
    """The body's JSON, or None for a body that is none.

    Raw control characters in texts are accepted, and bytes that are not UTF-8 become halves of surrogate pairs:
    `drawing.received` finds such a text, and only its own reply fails.
    """
    try:
        return json.loads(body.decode("utf-8-sig", "surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        return None


def read_error(status: int, body: bytes) -> ServerError:
    """The error of a reply with an error's status."""
    data = parsed(body)
    if data is None:
        return ServerError(status=status, message=_line(body.decode(errors="replace")))
    return _error(status, _innermost(data))


def error_within(body: bytes, data: Any) -> ServerError | None:
    """The error that a reply with HTTP 200 holds instead of choices; None for one that can be read. `data` is the
    body's JSON."""
    return error_in(data) if body.strip() else ServerError(status=_BAD_GATEWAY, message=_EMPTY)


def error_in(data: Any) -> ServerError | None:
    """The same of the body's JSON."""
    if not isinstance(data, dict):
        return None
    choices = data.get("choices")
    if isinstance(choices, list) and any(each is not None for each in choices):
        return _broken(choices)
    if data.get("error"):
        inner = _innermost(data)
        return _error(_stands_for(inner), inner)
    return ServerError(status=_BAD_GATEWAY, message=_WITHOUT_CHOICES) if "choices" in data else None


def _broken(choices: Sequence[Any]) -> ServerError | None:
    """Replies that the server all aborted: it counts as unavailable."""
    if not all(isinstance(each, dict) and finish_of(each.get("finish_reason")) is Finish.BROKEN for each in choices):
        return None
    first = choices[0]
    if first.get("error"):
        inner = _innermost(first)
        return _error(_stands_for(inner, _UNAVAILABLE), inner)
    return ServerError(
        status=_UNAVAILABLE, message=f"it aborted the reply (finish_reason {first.get('finish_reason')!r})"
    )


def _innermost(data: Any) -> Any:
    if isinstance(data, list) and len(data) == 1:  # Gemini wraps its error so
        data = data[0]
    for key in ("error", "detail"):
        if isinstance(data, dict) and data.get(key):
            data = data[key]
    return data


def _error(status: int, inner: Any) -> ServerError:
    if isinstance(inner, list):
        kind, param = _first_problem(inner)
        return ServerError(status=status, message=_line(json.dumps(inner)), type=kind, param=param)
    if not isinstance(inner, dict):
        return ServerError(status=status, message=_line(inner if isinstance(inner, str) else json.dumps(inner)))
    message = inner.get("message")
    text = message if isinstance(message, str) else json.dumps(message or inner)
    named = _PARAMETER.search(text)
    param = _text(inner.get("param")) or (named[1] if named else "")
    code = _text(inner.get("code")) or _text(inner.get("status"))
    return ServerError(
        status=status,
        message=_line(text),
        code=code,
        type=_text(inner.get("type") or inner.get("error_type")),
        param=param,
    )


def _first_problem(problems: Sequence[Any]) -> tuple[str, str]:
    """Type and parameter of FastAPI's `detail`: [{"loc": ["body", "n"], "type": "extra_forbidden"}]."""
    first = problems[0] if problems and isinstance(problems[0], Mapping) else {}
    place = [str(part) for part in first.get("loc") or ()]
    below = place[1:] if place[:1] == ["body"] else place
    return _text(first.get("type")), below[0] if below else ""


def _stands_for(inner: Any, unknown: int = _BAD_GATEWAY) -> int:
    """The status that an error's code, status or type names."""
    named = [inner.get(key) for key in ("code", "status", "type")] if isinstance(inner, dict) else []
    for each in named:
        if isinstance(each, int | str) and str(each).isdigit() and 400 <= int(each) < 600:
            return int(each)
    words = " ".join(str(each) for each in named if isinstance(each, str))
    return next((status for pattern, status in _NAMED_STATUS if pattern.search(words)), unknown)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value[:_SHOWN]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _line(text: str) -> str:
    return redact(" ".join(text.split()))[:_SHOWN] or "no message"  # a key that is cut in two would not be found
