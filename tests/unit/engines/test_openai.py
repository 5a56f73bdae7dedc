"""The openai engine against the simulated server: what it asks, how it fails, and what it tries again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from spar.engines.base import ChatModel, LocalModel, Sampling
from spar.engines.openai import OpenAIEngine
from spar.engines.openai_client import OpenAIClient
from spar.errors import (
    ConversationTooLong,
    DeadlineExceeded,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    RecipeError,
)
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.testing.batching import CostModel
from spar.testing.engine import CONTEXT, make
from spar.testing.failures import ServerFailures
from spar.testing.server import ServerOptions, running_server

SAMPLING = Sampling(temperature=0.9, top_p=1.0, max_tokens=512)
ASKED = (Message("user", "Write about rain."),)
FAST = ServerOptions(costs=CostModel(step_base=0.0, step_per_sequence=0.0, prefill_per_token=0.0))


@asynccontextmanager
async def engine_at(url: str, **settings: Any) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(EngineSettings(kind="openai", url=url, **settings))
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def served(failures: ServerFailures | None = None, **settings: Any) -> AsyncIterator[ChatModel]:
    options = replace(FAST, failures=failures or ServerFailures())
    async with running_server(options) as url, engine_at(url, **settings) as engine:
        yield await engine.serve(LocalModel("simulated", name="simulated"))


async def in_process(n: int, seed: int) -> list[Any]:
    model = await make(EngineSettings(kind="simulated")).serve(LocalModel("simulated", name="simulated"))
    return await model.sample(ASKED, n, SAMPLING, seed)


async def test_replies_are_those_of_the_model_behind_the_server() -> None:
    async with served() as model:
        replies = await model.sample(ASKED, 5, SAMPLING, 42)
    expected = await in_process(5, 42)
    assert [(reply.text, reply.finish_reason) for reply in replies] == [
        (reply.text, reply.finish_reason) for reply in expected
    ]
    assert {reply.prompt_tokens for reply in replies} == {expected[0].prompt_tokens}
    total = sum(reply.completion_tokens for reply in expected)
    assert sum(reply.completion_tokens for reply in replies) == total


async def test_a_server_that_gives_one_choice_is_asked_n_times_with_the_same_seeds() -> None:
    async with served(ServerFailures(one_choice=True)) as model:
        for _ in range(2):
            replies = await model.sample(ASKED, 4, SAMPLING, 42)
            assert [reply.text for reply in replies] == [reply.text for reply in await in_process(4, 42)]


async def test_passing_failures_are_tried_again() -> None:
    failures = ServerFailures(status_500=0.1, status_429=0.1, status_503=0.1)
    async with served(failures) as model:
        replies = await asyncio.gather(*[model.sample(ASKED, 1, SAMPLING, seed) for seed in range(30)])
    assert [reply[0].text for reply in replies] == [(await in_process(1, seed))[0].text for seed in range(30)]


async def test_a_missing_key_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "wrong-secret")
    with pytest.raises(EngineError, match="SPAR_ENGINE_API_KEY") as caught:
        async with served(ServerFailures(api_key="right-secret")) as model:
            await model.sample(ASKED, 1, SAMPLING, 1)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "right-secret")
    async with served(ServerFailures(api_key="right-secret")) as model:
        assert await model.sample(ASKED, 1, SAMPLING, 1)


async def test_a_name_that_is_not_served_is_told_with_those_that_are() -> None:
    options = replace(FAST, models=("first", "second"))
    async with running_server(options) as url, engine_at(url) as engine:
        third = await engine.serve(LocalModel("x", name="third"))
        with pytest.raises(ModelUnusable, match="first, second"):
            await third.sample(ASKED, 1, SAMPLING, 1)
        with pytest.raises(ModelUnusable, match="needs the name"):
            await engine.serve(LocalModel("x"))


async def test_the_only_model_needs_no_name_and_a_server_without_a_list_takes_any() -> None:
    async with running_server(FAST) as url, engine_at(url) as engine:
        model = await engine.serve(LocalModel("x"))
        assert await model.sample(ASKED, 1, SAMPLING, 1)
    async with running_server(replace(FAST, models=None)) as url, engine_at(url) as engine:
        model = await engine.serve(LocalModel("x", name="whatever"))
        assert await model.sample(ASKED, 1, SAMPLING, 1)


@pytest.mark.parametrize("name", ["simulated", None])
async def test_a_base_url_without_its_v1_is_named_with_it(name: str | None) -> None:
    server = _Counting(prefix="/api/v1", names=("simulated",))
    async with server.running() as url, engine_at(f"{url}/api") as engine:
        with pytest.raises(EngineError) as caught:
            await (await engine.serve(LocalModel("x", name=name))).sample(ASKED, 1, SAMPLING, 1)
    assert caught.value.fix == f"Set the URL to {url}/api/v1."


async def test_a_list_of_names_that_cannot_be_had_stops_no_named_model() -> None:
    server = _Counting(names=None)
    async with server.running() as url, engine_at(url) as engine:
        model = await engine.serve(LocalModel("x", name="not listed"))
        assert len(await model.sample(ASKED, 2, SAMPLING, 1)) == 2
        with pytest.raises(EngineError, match="credentials"):
            await engine.serve(LocalModel("x"))


async def test_a_prompt_that_does_not_fit_is_a_data_error() -> None:
    async with served() as model:
        with pytest.raises(ConversationTooLong, match="do not fit"):
            await model.sample((Message("user", "word " * (CONTEXT + 1)),), 1, SAMPLING, 1)


async def test_the_deadline_ends_a_call_that_hangs() -> None:
    async with served(ServerFailures(hang=1.0), deadline_s=0.2) as model:
        with pytest.raises(DeadlineExceeded, match=r"0\.2 s"):
            await model.sample(ASKED, 1, SAMPLING, 1)


async def test_closing_ends_calls_in_flight() -> None:
    options = replace(FAST, failures=ServerFailures(hang=1.0))
    async with running_server(options) as url:
        engine = OpenAIEngine(EngineSettings(kind="openai", url=url))
        model = await engine.serve(LocalModel("x", name="simulated"))
        call = asyncio.create_task(model.sample(ASKED, 1, SAMPLING, 1))
        await asyncio.sleep(0.05)
        await engine.close()
        with pytest.raises(EngineUnavailable, match="closed"):
            await call


async def test_a_server_that_is_not_there_is_told_by_its_address(unused_tcp_port: int) -> None:
    url = f"http://user:secret@127.0.0.1:{unused_tcp_port}"
    client = OpenAIClient(url, window=1, deadline_s=600, attempts=2)
    with pytest.raises(EngineUnavailable, match=f"{unused_tcp_port}.*2 times") as caught:
        await client.get("models")
    await client.close()
    assert "secret" not in str(caught.value)


async def test_at_most_max_batch_requests_are_in_flight() -> None:
    server = _Counting()
    async with server.running() as url, engine_at(url, max_batch=3, send_seed=False) as engine:
        model = await engine.serve(LocalModel("x", name="x"))
        await asyncio.gather(*[model.sample(ASKED, 2, SAMPLING, seed) for seed in range(12)])
    assert server.most == 3
    assert all("seed" not in body and body["n"] == 2 for body in server.bodies)


async def test_something_else_than_an_api_is_told() -> None:
    server = _Counting(reply=web.Response(text="<html>hello</html>", content_type="text/html"))
    async with server.running() as url, engine_at(url) as engine:
        model = await engine.serve(LocalModel("x", name="x"))
        with pytest.raises(EngineUnavailable, match="not a chat completion"):
            await model.sample(ASKED, 1, SAMPLING, 1)


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(RecipeError, match=r"engine\.url"):
        OpenAIEngine(EngineSettings(kind="openai"))
    with pytest.raises(RecipeError, match="not the URL"):
        OpenAIEngine(EngineSettings(kind="openai", url="localhost:8000"))


class _Counting:
    """A server that counts the requests it has at once and keeps their bodies."""

    def __init__(
        self, reply: web.Response | None = None, prefix: str = "/v1", names: tuple[str, ...] | None = ()
    ) -> None:
        self._reply, self._prefix, self._names = reply, prefix, names
        self.now = self.most = 0
        self.bodies: list[dict[str, Any]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post(f"{self._prefix}/chat/completions", self._chat)
        app.router.add_get(f"{self._prefix}/models", self._list)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        if self._names is None:
            return web.json_response({"error": {"message": "Missing scopes: api.model.read."}}, status=403)
        return web.json_response({"data": [{"id": name} for name in self._names]})

    async def _chat(self, request: web.Request) -> web.Response:
        if self._reply is not None:
            return self._reply
        self.now += 1
        self.most = max(self.most, self.now)
        body = await request.json()
        self.bodies.append(body)
        await asyncio.sleep(0.01)
        self.now -= 1
        choices = [
            {"index": index, "message": {"content": "hello"}, "finish_reason": "stop"}
            for index in range(body.get("n", 1))
        ]
        return web.json_response({"choices": choices, "usage": None})
