"""Puts the API together: routes, who may ask them, how they refuse, and what every response carries."""

from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.auth import require_token
from services.api.backend import Backend
from services.api.errors import Refusal, add_handlers, refusals
from services.api.routes import commands, dashboard, events, health, metrics, runs

LARGER = "Send less, or start the API with a larger SPAR_API_MAX_UPLOAD_BYTES."
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def make_app(backend: Backend) -> FastAPI:
    app = FastAPI(
        title="SPaR",
        summary="Runs of self-play with tree-search refinement: submit, watch, cancel, resume, report.",
        version=version("spar"),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.backend = backend
    add_handlers(app)
    for module in (commands, events, runs, metrics):
        app.include_router(module.router, dependencies=[Depends(require_token)], responses=refusals(401, 422))
    for module in (health, dashboard):
        app.include_router(module.router)
    app.add_middleware(Shield, max_bytes=backend.settings.max_upload_bytes)
    return app


class Shield:
    """Bounds what a request may send, and adds HEADERS to every response."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise Refusal(413, f"The request is larger than {self._max_bytes:,} bytes.", LARGER)
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, bounded, with_headers)
