"""How the API reports errors: a fitting status and {error, fix}, for our own errors and the framework's.

Internal errors are logged and never shown.
"""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from spar.errors import (
    ConflictError,
    DataError,
    HomeError,
    ModelUnusable,
    ObjectCorrupt,
    ObjectMissing,
    RecipeError,
    ServiceError,
    SparError,
    StoreError,
)
from spar.redaction import redact
from spar.texts import plain_message, storable

log = structlog.get_logger()

STATUS: tuple[tuple[type[SparError], int], ...] = (
    (RecipeError, 422),
    (DataError, 422),
    (ModelUnusable, 422),
    (ConflictError, 409),
    (ObjectMissing, 500),
    (ObjectCorrupt, 500),
    (HomeError, 503),
    (ServiceError, 503),
    (StoreError, 503),
)
"""The first that matches."""


class ErrorBody(BaseModel):
    """Every error: what happened, and what to do."""

    error: str
    fix: str


class Refusal(Exception):
    """An error that exists only in HTTP, such as 404."""

    def __init__(self, status: int, error: str, fix: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.fix, self.headers = status, error, fix, headers


def refusals(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For a route's `responses`: JSON, whatever the route itself returns."""
    content = {"application/json": {"schema": ErrorBody.model_json_schema()}}
    return {status: {"content": content, "description": HTTPStatus(status).phrase} for status in statuses}


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(SparError, _spar_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _json(status: int, error: str, fix: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The texts may repeat what a request contains."""
    return JSONResponse({"error": storable(redact(error)), "fix": storable(redact(fix))}, status, headers=headers)


def refused(error: Refusal) -> JSONResponse:
    return _json(error.status, error.error, error.fix, error.headers)


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return refused(error)


async def _spar_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SparError)
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    if status >= 500:
        log.warning("request_failed", path=request.url.path, error=str(error))
    return _json(status, error.what, error.fix)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(
        f"{'.'.join(str(part) for part in each['loc'])}: {plain_message(each['msg'])}" for each in error.errors()[:5]
    )
    return _json(422, f"The request is not valid: {problems}.", "Compare it with GET /openapi.json.")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    fixes = {404: "GET /openapi.json lists the paths.", 405: "GET /openapi.json lists each path's methods."}
    fix = fixes.get(error.status_code, "Compare the request with GET /openapi.json.")
    return _json(error.status_code, f"{error.detail}: {request.method} {request.url.path}.", fix, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request_crashed", path=request.url.path, exc_info=error)
    return _json(500, "The API failed; nothing was changed.", "This is a bug: please report it with the API's log.")
