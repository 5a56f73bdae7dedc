"""The gateway's process: `python -m services.gateway.worker`, or `spar serve`. Serves until SIGTERM or SIGINT.

Requires two servers or two models' directories, and no other service. What a request may send is decided from its head,
before its body is read (`GatewayDoor`).
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.gateway.auth import unauthorized
from services.gateway.backend import GatewayBackend
from services.gateway.errors import GatewayRefusal, add_handlers, refused
from services.gateway.routes import public, router
from services.gateway.settings import GatewaySettings
from spar.errors import SparError
from spar.redaction import redact_tracebacks
from spar.runtime.http import bind, server_config
from spar.runtime.log import log_to
from spar.runtime.read_settings import read_settings
from spar.runtime.shield import STATUS, Denial, Shield

OPEN = frozenset({"/health", "/ready", "/openapi.json"})
"""Paths without a token; every other path requires it, whether it exists or not."""


STRANGERS_BYTES = 16 * 1024
"""The open paths take no body; clients may send one."""


GRACE_S = 3  # for requests in progress when the process is stopped


PORT_TAKEN = "Stop what uses that port, or set SPAR_GATEWAY_PORT and SPAR_GATEWAY_HOST."


def make_app(settings: GatewaySettings) -> FastAPI:
    """Raises the error of invalid settings. The models are found by the first request that uses them."""
    backend = GatewayBackend(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await backend.close()

    app = FastAPI(
        title="SPaR gateway",
        summary="OpenAI-compatible: an actor alone, or with tree search at inference.",
        version=version("spar"),
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.backend = backend
    add_handlers(app)
    app.include_router(router)
    app.include_router(public)
    app.add_middleware(Shield, door=GatewayDoor(settings))
    return app


@dataclass(frozen=True, slots=True)
class GatewayDoor:
    settings: GatewaySettings

    def refusal(self, head: HTTPConnection) -> Response | None:
        if head.scope["path"] in OPEN:
            return None
        error = unauthorized(head, self.settings.token.get_secret_value())
        return None if error is None else refused(error)

    def most_bytes(self, head: HTTPConnection) -> int:
        most = self.settings.max_request_bytes
        return min(most, STRANGERS_BYTES) if head.scope["path"] in OPEN else most

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response:
        return refused(_refusal(denial, most))


def _refusal(denial: Denial, most: int) -> GatewayRefusal:
    status = STATUS[denial]
    if denial is Denial.NO_SUCH_PATH:
        return GatewayRefusal(status, "not_found", "The path holds a character that no path has.", "Use another path.")
    if denial is Denial.BAD_QUERY:
        return GatewayRefusal(status, "invalid_request", "The query holds a NUL character.", "Leave it out.")
    if denial is Denial.TOO_SLOW:
        fix = "Send it again, over a faster connection."
        return GatewayRefusal(status, "request_timeout", "The request's body did not come in time.", fix)
    fix = "Send less, or start the gateway with a larger SPAR_GATEWAY_MAX_REQUEST_BYTES."
    return GatewayRefusal(status, "request_too_large", f"The request is larger than {most:,} bytes.", fix)


def serve(settings: GatewaySettings) -> None:
    """Blocks. Raises the error of invalid settings, and ServiceError if the port is taken."""
    settings.check()
    log_to(None)
    config = server_config(make_app(settings), timeout_graceful_shutdown=GRACE_S)
    with bind(settings.host, settings.port, "The gateway", PORT_TAKEN) as listening:
        host, port = listening.getsockname()[:2]
        print(f"listening on http://{host}:{port}", flush=True)
        uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    redact_tracebacks()
    try:
        serve(read_settings(GatewaySettings))
    except SparError as error:
        print(f"error: {error.what}\nfix: {error.fix}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
