"""Puts the API together: routes, who may ask them, how they refuse, and what every response carries."""

from importlib.metadata import version

from fastapi import Depends, FastAPI

from services.api.auth import require_token
from services.api.backend import Backend
from services.api.door import ApiDoor
from services.api.errors import add_handlers, refusals
from services.api.looks import Looks
from services.api.routes import commands, dashboard, events, health, metrics, runs
from services.api.watching import Watching
from spar.runtime.shield import Shield


def make_app(backend: Backend) -> FastAPI:
    """The API over a backend: routes that need the token, health and dashboard without, all behind the shield."""
    app = FastAPI(
        title="SPaR",
        summary="Runs of self-play with tree-search refinement: submit, watch, cancel, resume, report.",
        version=version("spar"),
        docs_url=None,  # these pages load scripts from elsewhere
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
