"""What a client waits for between attempts, on pauses that are only written down; and what it keeps to itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from spar.engines.openai_client import OpenAIClient
from spar.errors import EngineUnavailable, SparError

GOOD = {"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]}


@asynccontextmanager
async def server(*replies: web.Response) -> AsyncIterator[str]:
    """Sends these one after the other, then good ones."""
    left = list(replies)

    async def chat(request: web.Request) -> web.Response:
        return left.pop(0) if left else web.json_response(GOOD)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(url: str, pauses: list[float], **more: Any) -> AsyncIterator[OpenAIClient]:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    client = OpenAIClient(url, 4, 600.0, pause=pause, **more)
    try:
        yield client
    finally:
        await client.close()


def busy(wait: str, status: int = 429) -> web.Response:
    return web.json_response({"error": {"message": "busy"}}, status=status, headers={"Retry-After": wait})


@pytest.mark.parametrize(("wait", "seconds"), [("19.5", 19.5), ("90", 90.0), ("2m", 120.0)])
async def test_a_requested_wait_is_kept(wait: str, seconds: float) -> None:
    pauses: list[float] = []
    async with server(busy(wait)) as url, client_of(url, pauses) as client:
        assert (await client.post("chat/completions", {})).error is None
    [pause] = pauses
    assert seconds <= pause <= 1.1 * seconds


async def test_a_wait_beyond_the_deadline_fails_at_once() -> None:
    pauses: list[float] = []
    async with server(busy("601")) as url, client_of(url, pauses) as client:
        with pytest.raises(EngineUnavailable, match="no request for 601 s"):
            await client.post("chat/completions", {})
    assert pauses == []


async def test_without_a_requested_wait_it_backs_off() -> None:
    pauses: list[float] = []
    failing = [web.Response(status=529) for _ in range(6)]
    async with server(*failing) as url, client_of(url, pauses) as client:
        with pytest.raises(EngineUnavailable, match=r"HTTP 529.*6 times"):
            await client.post("chat/completions", {})
    assert len(pauses) == 5
    assert pauses[0] < 0.5 < pauses[4] < 10


async def test_a_key_that_a_server_repeats_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "plain-secret-value")
    padding = "x" * 290  # the message is cut: a key at its end must not be left in part
    refusal = web.json_response({"error": {"message": f"{padding} plain-secret-value is no key"}}, status=400)
    async with server(refusal) as url, client_of(url, [], headers={"X-Key": "${OTHER}"}) as client:
        reply = await client.post("chat/completions", {})
    assert reply.error is not None
    assert "plain-se" not in reply.error.message
    assert "plain-se" not in str(SparError(reply.error.message))
