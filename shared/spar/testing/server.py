"""An OpenAI-compatible server without a model: the simulated replies, timed as a continuous-batching engine times them.

`python -m spar.testing.serve --port 8000` serves /v1/models, /v1/chat/completions, /health and /stats; the last
tells what the same tokens would need on a server that is always full. Tests run it in their own process with
`running_server`. It knows nothing of the rest of the project but the text of `spar.testing.behaviour`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from spar.engines.base import Completion, Sampling
from spar.errors import ConversationTooLong
from spar.method.records import Message
from spar.testing.batching import ContinuousBatch, CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.engine import CONTEXT, complete, prompt_length
from spar.testing.failures import HANG, FailureDraw, ServerFailures
from spar.testing.habits import Habit

_WHY = {429: "rate limit reached", 500: "internal error", 503: "the engine is down"}


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """`models` are the served names; None serves every name, and then /v1/models is not there."""

    models: tuple[str, ...] | None = ("simulated",)
    costs: CostModel = field(default_factory=CostModel)
    behaviour: SimulatedBehaviour = field(default_factory=SimulatedBehaviour)
    failures: ServerFailures = field(default_factory=ServerFailures)
    context: int = CONTEXT
    max_model_len: int | None = None
    """Tokens of prompt and reply together, listed and kept to as vLLM does."""
    adapters: Mapping[str, str] = field(default_factory=dict)
    """Further served names, each with the model that it is an adapter of."""
    habit: Habit = field(default_factory=Habit)


class SimulatedServer:
    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._failures = FailureDraw(options.failures)
        self._batch = ContinuousBatch(options.costs)
        self._requests = 0

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20, middlewares=[self._authorise])
        app.router.add_get("/health", self._health)
        app.router.add_get("/stats", self._stats)
        if self._options.models is not None:
            app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.cleanup_ctx.append(self._run_batch)
        return app

    async def _run_batch(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._batch.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @web.middleware
    async def _authorise(self, request: web.Request, handler: Any) -> web.StreamResponse:
        key = self._options.failures.api_key
        if key and request.path.startswith("/v1") and request.headers.get("Authorization") != f"Bearer {key}":
            return _error(401, "a valid API key is required")
        response: web.StreamResponse = await handler(request)
        return response

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(self._batch.stats.as_json(self._options.costs))

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": _listed(self._options)})

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        number, habit = self._requests, self._options.habit
        self._requests += 1
        refused = habit.refuse(body, number)
        if refused is not None:
            return web.json_response(refused.body, status=refused.status)
        known = None if self._options.models is None else {*self._options.models, *self._options.adapters}
        if known is not None and body["model"] not in known:
            return _error(404, f"The model `{body['model']}` does not exist.")
        most = self._options.max_model_len
        if most is not None and (max_tokens := _max_tokens(body)) > most:
            return _error(400, f"max_tokens={max_tokens} cannot be greater than max_model_len={most}.")
        failure = self._failures.next()
        if failure == HANG:
            await asyncio.Event().wait()
        if failure is not None:
            return _error(failure, _WHY[failure])
        try:
            completions = _complete(body, self._options)
        except ConversationTooLong as error:
            return _error(400, f"This model's maximum context length is exceeded: {error.what}")
        lengths = [completion.completion_tokens for completion in completions]
        await self._batch.decode(completions[0].prompt_tokens, lengths)
        return web.json_response(habit.shape(_reply(body["model"], completions), number))


@asynccontextmanager
async def running_server(
    options: ServerOptions | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the base URL, such as http://127.0.0.1:8000/v1. Port 0 takes a free one."""
    # A client that goes away stops its work, as on real servers.
    runner = web.AppRunner(
        SimulatedServer(options or ServerOptions()).app(), handler_cancellation=True, shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=4096)
    await site.start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def _complete(body: dict[str, Any], options: ServerOptions) -> list[Completion]:
    messages = [Message(turn["role"], turn["content"]) for turn in body["messages"]]
    sampling = Sampling(
        temperature=body.get("temperature", 1.0), top_p=body.get("top_p", 1.0), max_tokens=_max_tokens(body)
    )
    if options.max_model_len is not None:
        room = options.max_model_len - prompt_length(messages)
        sampling = replace(sampling, max_tokens=max(1, min(sampling.max_tokens, room)))
    n = 1 if options.failures.one_choice else body.get("n", 1)
    context = min(options.context, (options.max_model_len or options.context + 1) - 1)
    return complete(body["model"], options.behaviour, messages, n, sampling, body.get("seed") or 0, context)


def _max_tokens(body: dict[str, Any]) -> int:
    return int(body.get("max_completion_tokens", body.get("max_tokens", 1024)))


def _listed(options: ServerOptions) -> list[dict[str, Any]]:
    plain = [{"id": name, "object": "model", "max_model_len": options.max_model_len} for name in options.models or ()]
    adapters = [
        {"id": name, "object": "model", "max_model_len": None, "parent": base}
        for name, base in options.adapters.items()
    ]
    return [*plain, *adapters]


def _reply(model: str, completions: list[Completion]) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": completion.text},
            "finish_reason": completion.finish_reason,
        }
        for index, completion in enumerate(completions)
    ]
    prompt = completions[0].prompt_tokens
    completed = sum(completion.completion_tokens for completion in completions)
    usage = {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}
    return {"object": "chat.completion", "model": model, "choices": choices, "usage": usage}


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": status}}, status=status)
