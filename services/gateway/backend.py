"""What every route of the gateway uses: two models, the settings, and how many requests may run and wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from services.gateway.errors import GatewayRefusal
from services.gateway.settings import GatewaySettings
from spar.aio import gather
from spar.inference.conversations import FoldingSystem
from spar.inference.endpoints import OpenEndpoints, RequestOptions, endpoint, templates_for
from spar.inference.records import RoleModels
from spar.method.defaults import TEMPERATURE
from spar.recipes.models import JudgmentSettings, SamplingSettings
from spar.roles.settings import RefinerSettings

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds. Places become free continuously; clients back off by themselves when refused again."""


class Admission:
    """Admits requests, first come first served. For one event loop."""

    def __init__(self, running: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(running)
        self._most_waiting = waiting
        self.running = self.waiting = 0

    @asynccontextmanager
    async def place(self, due: float) -> AsyncIterator[None]:
        """Hold a place; `due` is the loop time until which waiting is worthwhile. Raises a Refusal (429)."""
        if self._places.locked() and self.waiting >= self._most_waiting:
            raise _busy("queue_full", f"{self.running} requests are worked on and {self.waiting} wait.")
        self.waiting += 1
        try:
            async with asyncio.timeout_at(due):
                await self._places.acquire()
        except TimeoutError:
            raise _busy("queue_timeout", "The request's deadline passed while it waited for a place.") from None
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._places.release()


def _busy(code: str, what: str) -> GatewayRefusal:
    return GatewayRefusal(
        429, code, what, "Send it again later, or start the gateway with more places.", headers=RETRY_AFTER
    )


class GatewayBackend:
    """Created anywhere, used on one event loop, closed there. Raises the error of invalid settings."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.admission = Admission(settings.running, settings.waiting)
        asking = RequestOptions(
            settings.window, settings.longest_deadline_s, settings.send_seed, settings.body, settings.headers
        )
        places = (endpoint("actor", settings.actor, asking), endpoint("refiner", settings.refiner, asking))
        self._templates = templates_for(settings.templates, settings.refiner)
        self._open = OpenEndpoints(places)
        self.models = RoleModels(actor=FoldingSystem(self._open.models["actor"]), refiner=self._open.models["refiner"])

    async def find_models(self) -> None:
        """Load both models, or find them at their servers. Raises EngineError."""
        await gather(model.find() for model in self._open.models.values())

    def refining(self, votes: int | None) -> RefinerSettings:
        number = votes or self.settings.votes
        judgment = JudgmentSettings(votes=number, quorum=number // 2 + 1, max_tokens=self.settings.judge_tokens)
        refinement = SamplingSettings(temperature=TEMPERATURE, max_tokens=self.settings.refine_tokens)
        return RefinerSettings(templates=self._templates, judgment=judgment, refinement=refinement)

    async def close(self) -> None:
        await self._open.close()


async def _backend(request: Request) -> GatewayBackend:
    """A coroutine, since FastAPI runs plain functions in a thread for every request."""
    backend: GatewayBackend = request.app.state.backend
    return backend


Context = Annotated[GatewayBackend, Depends(_backend)]
"""The backend, for the routes."""
