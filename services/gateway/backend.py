"""What the gateway stands on: two models, the places for requests, and the settings. Handed to every route."""

from typing import Annotated

from fastapi import Depends, Request

from services.gateway.admission import Admission
from services.gateway.settings import GatewaySettings
from spar.aio import gather
from spar.inference.conversations import FoldingSystem
from spar.inference.endpoints import OpenEndpoints, RequestOptions, endpoint, templates_for
from spar.inference.records import RoleModels
from spar.method.defaults import TEMPERATURE
from spar.recipes.models import JudgmentSettings, SamplingSettings
from spar.roles.settings import RefinerSettings


class GatewayBackend:
    """Made anywhere, used on one event loop, closed there. Raises what is wrong with the settings."""

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
        """Load both, or find them at their servers. Raises EngineError."""
        await gather(model.find() for model in self._open.models.values())

    def refining(self, votes: int | None) -> RefinerSettings:
        number = votes or self.settings.votes
        judgment = JudgmentSettings(votes=number, quorum=number // 2 + 1, max_tokens=self.settings.judge_tokens)
        refinement = SamplingSettings(temperature=TEMPERATURE, max_tokens=self.settings.refine_tokens)
        return RefinerSettings(templates=self._templates, judgment=judgment, refinement=refinement)

    async def close(self) -> None:
        await self._open.close()


async def _backend(request: Request) -> GatewayBackend:
    """A coroutine, or FastAPI would send every request through a thread."""
    backend: GatewayBackend = request.app.state.backend
    return backend


Context = Annotated[GatewayBackend, Depends(_backend)]
"""What the routes stand on."""
