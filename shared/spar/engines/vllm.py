"""The vllm engine: its own `vllm serve` on GPUs that it claims, one model (or a base with adapters) at a time.

`serve` checks a model's files; its server starts with the first call, so that models that are only named cost nothing.
Calls are those of the openai engine; one that is lost in a crash is sent again to the next server. This process never
initialises CUDA. With `engine.url` it is the openai engine, for a server that is run elsewhere.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from spar.engines import openai
from spar.engines.base import ChatModel, Completion, Engine, LocalModel, ModelAddress, Sampling
from spar.engines.calls import CallsInFlight
from spar.engines.gpu_host import this_host
from spar.engines.vllm_server.lineup import Servable, look_at
from spar.engines.vllm_server.supervisor import ServerHost, Supervisor
from spar.engines.vllm_server.switching import Policy
from spar.errors import DeadlineExceeded, EngineError
from spar.method.records import Message
from spar.recipes.models import EngineSettings

CALL_SERVERS = 3  # servers that may die during one call: then it is likely the call that kills them
_REMEMBERED = 16  # models; more than a run uses in an iteration


def make(settings: EngineSettings) -> Engine:
    """Raises nothing for an unsuitable host: `serve` does."""
    return openai.make(settings) if settings.url is not None else VllmEngine(settings)


class VllmEngine:
    """Several models may be in demand at once; they take turns on the GPUs (see `vllm_server.switching`)."""

    def __init__(self, settings: EngineSettings, place: ServerHost | None = None, policy: Policy | None = None) -> None:
        self._settings = settings
        place = place or ServerHost()
        self._host = place.host
        self._known: OrderedDict[str, Servable] = OrderedDict()
        self._calls = CallsInFlight("vllm")
        vllm = settings.vllm
        policy = policy or Policy(patience_s=vllm.patience_s, idle_s=vllm.idle_s)
        self._supervisor = Supervisor(settings, policy, place, lambda: list(reversed(self._known.values())))

    async def serve(self, model: LocalModel) -> ChatModel:
        """Raises ModelUnusable for missing files, RecipeError on a host with too few GPUs."""
        return VllmModel(self, await self._calls.run(self._look(model)))

    @asynccontextmanager
    async def address(self, model: LocalModel) -> AsyncIterator[ModelAddress]:
        """Other programs' calls are not counted: the whole block counts as one call in flight, so the server stays."""
        servable = await self._calls.run(self._look(model))
        post = await self._supervisor.enter(servable)
        well = False
        try:
            yield ModelAddress(url=post.server.url, name=servable.name)
            well = True
        except Exception as error:
            if await post.server.died():
                raise post.server.death() from error
            raise
        finally:
            self._supervisor.gate.leave(post, well=well)

    async def close(self) -> None:
        await self._calls.close()
        await self._supervisor.close()

    async def sample(
        self, model: Servable, messages: Sequence[Message], n: int, sampling: Sampling, seed: int
    ) -> list[Completion]:
        """Sample from the model once it is its turn. The deadline starts when its server accepts the call."""
        return await self._calls.run(self._sample(model, messages, n, sampling, seed))

    async def _look(self, model: LocalModel) -> Servable:
        if self._settings.vllm.device == "gpu":
            if self._host is None:
                self._host = await asyncio.to_thread(this_host)
            self._host.require_roles(self._settings.vllm.tensor_parallel)
        servable = await asyncio.to_thread(look_at, model)
        self._remember(servable)
        return servable

    def _remember(self, model: Servable) -> None:
        self._known[model.fingerprint] = model
        self._known.move_to_end(model.fingerprint)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _sample(
        self, model: Servable, messages: Sequence[Message], n: int, sampling: Sampling, seed: int
    ) -> list[Completion]:
        self._remember(model)
        for attempt in range(1, CALL_SERVERS + 1):
            post = await self._supervisor.enter(model)
            well = False
            try:
                completions = await post.server.model(model).sample(messages, n, sampling, seed)
                well = True
            except DeadlineExceeded:
                raise
            except EngineError as error:
                if not await post.server.died():
                    raise
                if attempt == CALL_SERVERS:
                    raise post.server.death() from error
            else:
                return completions
            finally:
                self._supervisor.gate.leave(post, well=well)
        raise AssertionError("the last attempt returns or raises")


class VllmModel:
    """A model that replies whenever it is its turn."""

    def __init__(self, engine: VllmEngine, model: Servable) -> None:
        self._engine = engine
        self._model = model

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        return await self._engine.sample(self._model, messages, n, sampling, seed)
