"""A gateway on loopback in the test's own event loop, over simulated servers, so that a test can see what it leaves."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from openai import AsyncOpenAI
from pydantic import SecretStr

from services.gateway.backend import GatewayBackend
from services.gateway.settings import GatewaySettings
from services.gateway.worker import make_app
from spar.testing.batching import CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.failures import ServerFailures
from spar.testing.server import ServerOptions, running_server

TOKEN = "a token that tests use"
INSTANT = CostModel(step_base=0.0, step_per_sequence=0.0, prefill_per_token=0.0)
PLAIN = SimulatedBehaviour(
    stubborn=0, divided=0, mute=0, dissent=0, unparsable=0, empty=0, cut_off=0, unchanged=0, response_good=0.0
)
"""Every first response is bad, every vote is right, nothing fails."""


def server(
    behaviour: SimulatedBehaviour = PLAIN, costs: CostModel = INSTANT, hang: float = 0.0, status_500: float = 0.0
) -> ServerOptions:
    return ServerOptions(costs=costs, behaviour=behaviour, failures=ServerFailures(hang=hang, status_500=status_500))


@dataclass(frozen=True)
class Gateway:
    url: str
    backend: GatewayBackend

    def client(self, token: str = TOKEN) -> AsyncOpenAI:
        """The real client; it must not try again by itself, or a test would not see the first refusal."""
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=token, max_retries=0)


@asynccontextmanager
async def gateway(
    actor: ServerOptions | None = None, refiner: ServerOptions | None = None, **settings: object
) -> AsyncIterator[Gateway]:
    async with running_server(actor or server()) as actor_url, running_server(refiner or server()) as refiner_url:
        given = {"actor": actor_url, "refiner": f"{refiner_url}#simulated", "token": SecretStr(TOKEN), **settings}
        app = make_app(GatewaySettings.model_validate(given))
        async with served(app) as url:
            yield Gateway(url, app.state.backend)


class _Server(uvicorn.Server):
    """One that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    running = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, backlog=1024))
    task = asyncio.create_task(running.serve())
    await running.listens.wait()
    try:
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        await task
