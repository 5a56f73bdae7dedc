"""How the gateway refuses: a fitting status and OpenAI's form of an error, with what to do about it.

What went wrong inside is logged and never shown.
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
    DataError,
    DeadlineExceeded,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    RecipeError,
    SparError,
)

log = structlog.get_logger()

CLIENT_GONE = 499
"""Nobody reads it; it is what proxies log for a client that went away."""
BUG = "This is a bug: please report it with the gateway's log."

KINDS: tuple[tuple[type[SparError], int, str], ...] = (
    (RecipeError, 400, "invalid_request"),
    (DataError, 400, "invalid_request"),
    (DeadlineExceeded, 504, "deadline_exceeded"),
    (EngineUnavailable, 503, "model_unavailable"),
    (ModelUnusable, 502, "model_unusable"),
    (EngineError, 502, "model_failed"),
    (AccountingError, 500, "internal_error"),
)
"""The first that fits."""


class Refusal(Exception):
    """A refusal that only HTTP knows, such as 401 and 429; `param` is the field that is wrong."""

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
    """The client closed its connection; what it asked for was cancelled."""


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _answer)
    app.add_exception_handler(SparError, _answer)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _answer)


def told(error: Exception) -> tuple[int, dict[str, Any]]:
    """The status and the body of an error. Logs what is not the client's doing."""
    if isinstance(error, Refusal):
        return error.status, body(error.status, error.code, error.what, error.fix, error.param)
    if isinstance(error, SparError):
        status, code = next(((each[1], each[2]) for each in KINDS if isinstance(error, each[0])), (500, "failed"))
        if status >= 500:
            log.warning("request_failed", kind=type(error).__name__, error=str(error))
        return status, body(status, code, error.what, error.fix or BUG)
    log.error("request_crashed", exc_info=error)
    return 500, body(500, "internal_error", "The gateway failed.", BUG)


def body(status: int, code: str, what: str, fix: str, param: str | None = None) -> dict[str, Any]:
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
    return {"error": {"message": f"{what} {fix}", "type": kind, "param": param, "code": code, "fix": fix}}


async def _answer(request: Request, error: Exception) -> JSONResponse:
    status, said = told(error)
    return JSONResponse(said, status, headers=error.headers if isinstance(error, Refusal) else None)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    places = [".".join(str(part) for part in each["loc"] if part != "body") for each in error.errors()]
    said = "; ".join(f"{place}: {each['msg']}" for place, each in zip(places, error.errors()[:5], strict=False))
    fix = "Leave out what the gateway does not take; docs/gateway.md lists what it does."
    return JSONResponse(body(400, "invalid_request", f"{said}.", fix, places[0] or None), 400)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    what = f"{error.detail}: {request.method} {request.url.path}."
    fix = "There are POST /v1/chat/completions, GET /v1/models, GET /health and GET /ready."
    return JSONResponse(body(error.status_code, "not_found", what, fix), error.status_code, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    log.info("client_gone", path=request.url.path)
    return Response(status_code=CLIENT_GONE)
