"""Puts the gateway together: routes, who may ask them, how they refuse, and when the models open and close."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from services.gateway.backend import GatewayBackend
from services.gateway.door import GatewayDoor
from services.gateway.errors import add_handlers
from services.gateway.routes import public, router
from services.gateway.settings import GatewaySettings
from spar.runtime.shield import Shield


def make_app(settings: GatewaySettings) -> FastAPI:
    """Raises what is wrong with the settings. The models are found by the first request that asks them."""
    backend = GatewayBackend(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await backend.close()

    app = FastAPI(
        title="SPaR gateway",
        summary="OpenAI-compatible: an actor alone, or with tree search at inference.",
        version=version("spar"),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.backend = backend
    add_handlers(app)
    app.include_router(router)
    app.include_router(public)
    app.add_middleware(Shield, door=GatewayDoor(settings))
    return app
