"""Assembles the API: its routes, who may call them, how errors are reported.

What a request may send is decided from its head, before its body is read (`ApiDoor`).
"""

from dataclasses import dataclass
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.api.auth import require_token, unauthorized
from services.api.backend import Backend
from services.api.errors import Refusal, add_handlers, refusals, refused
from services.api.looks import Looks
from services.api.routes import commands, dashboard, events, health, metrics, runs
from services.api.settings import ApiSettings
from services.api.watching import Watching
from spar.runtime.shield import STATUS, Denial, Shield

OPEN = frozenset({"/", "/login", "/logout", "/health", "/ready", "/openapi.json"})
"""Paths without a token; the dashboard's page checks its cookie itself. Every other path requires the token, whether it
exists or not."""


ASSETS = "/assets/"


SUBMIT = "/runs"


STRANGERS_BYTES = 16 * 1024
"""A login form."""


COMMAND_BYTES = 1024**2
"""Requests other than submissions: ids of steps, changes of a budget."""


def make_app(backend: Backend) -> FastAPI:
    """The API over a backend: routes that require the token, and health and dashboard, which do not, all behind the
    shield."""
    app = FastAPI(
        title="SPaR",
        summary="Runs of self-play with tree-search refinement: submit, watch, cancel, resume, report.",
        version=version("spar"),
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
    )
    app.state.backend = backend
    app.state.looks = Looks()
    app.state.watching = Watching(backend)
    add_handlers(app)
    for module in (commands, events, runs, metrics):
        app.include_router(module.router, dependencies=[Depends(require_token)], responses=refusals(401, 422))
    for module in (health, dashboard):
        app.include_router(module.router)
    app.add_middleware(Shield, door=ApiDoor(backend.settings))
    return app


@dataclass(frozen=True, slots=True)
class ApiDoor:
    settings: ApiSettings

    def refusal(self, head: HTTPConnection) -> Response | None:
        if _is_open(head):
            return None
        error = unauthorized(head, self.settings.token.get_secret_value())
        return None if error is None else refused(error)

    def most_bytes(self, head: HTTPConnection) -> int:
        if _is_open(head):
            return STRANGERS_BYTES
        upload = self.settings.max_upload_bytes
        return upload if head.scope["path"] == SUBMIT else min(COMMAND_BYTES, upload)

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response:
        return refused(Refusal(STATUS[denial], *_explanation(denial, most)))


def _is_open(head: HTTPConnection) -> bool:
    path: str = head.scope["path"]
    return path in OPEN or path.startswith(ASSETS)


def _explanation(denial: Denial, most: int) -> tuple[str, str]:
    """What happened, and what to do."""
    if denial is Denial.NO_SUCH_PATH:
        return "Not Found: the path holds a character that no path has.", "GET /openapi.json lists the paths."
    if denial is Denial.BAD_QUERY:
        return "The query holds a NUL character.", "Compare it with GET /openapi.json."
    if denial is Denial.TOO_SLOW:
        return "The request's body did not come in time.", "Send it again, over a faster connection."
    larger = "Send less, or start the API with a larger SPAR_API_MAX_UPLOAD_BYTES."
    return f"The request is larger than {most:,} bytes.", larger
