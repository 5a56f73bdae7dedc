"""How the gateway reports errors: a fitting status and OpenAI's error format, with what to do about it.

Internal errors are logged and never shown.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from spar.errors import (
    AccountingError,
    ConversationTooLong,
    DataError,
    DeadlineExceeded,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    PromptRefused,
    RecipeError,
    RequestRefused,
    SparError,
    TemplateRefused,
)
from spar.redaction import redact
from spar.texts import plain_message, storable

log = structlog.get_logger()

CLIENT_GONE = 499
"""No client receives it; proxies log this status for a client that disconnected."""
BUG = "This is a bug: please report it with the gateway's log."

KINDS: tuple[tuple[type[SparError], int, str], ...] = (
    (RecipeError, 400, "invalid_request"),
    (ConversationTooLong, 400, "context_length_exceeded"),
    (TemplateRefused, 400, "conversation_refused"),
    (PromptRefused, 400, "content_filter"),
    (DataError, 400, "invalid_request"),
    (DeadlineExceeded, 504, "deadline_exceeded"),
    (EngineUnavailable, 503, "model_unavailable"),
    (RequestRefused, 400, "request_refused"),
    (ModelUnusable, 502, "model_unusable"),
    (EngineError, 502, "model_failed"),
    (AccountingError, 500, "internal_error"),
)
"""The first that matches. What the request caused is the client's error (4xx), which clients do not retry."""
ABOUT_MESSAGES = (ConversationTooLong, PromptRefused, TemplateRefused)
"""Errors caused by the field `messages`."""
UNSUPPORTED = frozenset({"extra_forbidden", "unsupported"})
"""Types of validation errors for fields that are valid in OpenAI's API and not supported by this gateway."""


class GatewayRefusal(Exception):
    """An error that exists only in HTTP, such as 401 and 429; `param` is the invalid field."""

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        fix: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what)
        self.status, self.code, self.what, self.fix = status, code, what, fix
        self.param, self.headers = param, headers


class ClientGone(Exception):
    """The client closed its connection; its work was cancelled."""


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(GatewayRefusal, _answer)
    app.add_exception_handler(SparError, _answer)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _answer)


def error_reply(error: Exception) -> tuple[int, dict[str, Any]]:
    """The status and the body of an error. Logs what the client did not cause."""
    if isinstance(error, GatewayRefusal):
        return error.status, body(error.status, error.code, error.what, error.fix, error.param)
    if isinstance(error, SparError):
        status, code = next(((each[1], each[2]) for each in KINDS if isinstance(error, each[0])), (500, "failed"))
        if status >= 500:
            log.warning("request_failed", kind=type(error).__name__, error=str(error))
        param = "messages" if isinstance(error, ABOUT_MESSAGES) else None
        return status, body(status, code, error.what, error.fix or BUG, param)
    log.error("request_crashed", exc_info=error)
    return 500, body(500, "internal_error", "The gateway failed.", BUG)


def body(status: int, code: str, what: str, fix: str, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's format, with the fix as an additional field; credentials and unstorable characters
    removed."""
    what, fix = storable(redact(what)), storable(redact(fix))  # they may repeat what a request contains
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
    return {
        "error": {
            "message": f"{what} {fix}",
            "type": kind,
            "param": param and storable(param),
            "code": code,
            "fix": fix,
        }
    }


def refused(error: GatewayRefusal) -> JSONResponse:
    return JSONResponse(error_reply(error)[1], error.status, headers=error.headers)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    status, reply = error_reply(error)
    return JSONResponse(reply, status, headers=error.headers if isinstance(error, GatewayRefusal) else None)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    what = "; ".join(f"{_place(each) or 'the request'}: {_problem(each)}" for each in problems[:5])
    fix = "Leave out what the gateway does not take; docs/gateway.md lists what it does."
    code = "unsupported_parameter" if problems[0]["type"] in UNSUPPORTED else "invalid_request"
    return JSONResponse(body(400, code, f"{what}.", fix, _place(problems[0])), 400)


def _place(problem: Mapping[str, Any]) -> str | None:
    """The field, as `messages.1.role`; None where the body as a whole is invalid, or is no JSON."""
    if problem["type"] == "json_invalid":
        return None
    return ".".join(str(part) for part in problem["loc"] if part != "body") or None


def _problem(problem: Mapping[str, Any]) -> str:
    return (
        "this gateway does not take it" if problem["type"] == "extra_forbidden" else plain_message(str(problem["msg"]))
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    what = f"{error.detail}: {request.method} {request.url.path}."
    fix = "There are POST /v1/chat/completions, GET /v1/models, GET /health and GET /ready."
    return JSONResponse(body(error.status_code, "not_found", what, fix), error.status_code, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    log.info("client_gone", path=request.url.path)
    return Response(status_code=CLIENT_GONE)
