"""What a client waits for between attempts, on pauses that are only written down; and what it keeps to itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from spar.engines.openai_access import redirected
from spar.engines.openai_client import OpenAIClient
from spar.errors import EngineError, EngineUnavailable, SparError

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


def moved(status: int, location: str) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_would_turn_a_post_into_a_get_is_reported_with_its_target(status: int) -> None:
    target = "/api/v1/chat/completions?key=private"
    async with server(moved(status, target)) as url, client_of(url, []) as client:
        with pytest.raises(
            EngineError, match=rf"HTTP {status}\) to {url}/api/v1/chat/completions, and a POST"
        ) as caught:
            await client.post("chat/completions", {})
    assert caught.value.fix == f"Set engine.url to {url}/api/v1, if that is the API."
    assert "private" not in str(caught.value)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_method_is_followed_on_the_same_server(status: int) -> None:
    async with server(moved(status, "completions")) as url, client_of(url, []) as client:
        assert (await client.post("chat/completions", {})).data == GOOD


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/v1/chat/completions", "//127.0.0.2/v1", "https://x.invalid/"])
async def test_no_redirect_leads_to_another_server(location: str) -> None:
    async with server(moved(308, location)) as url, client_of(url, [], headers={"X-Key": "k"}) as client:
        with pytest.raises(EngineError, match="on another server"):
            await client.post("chat/completions", {})


async def test_redirects_in_a_loop_end() -> None:
    async with server(*(moved(307, "completions") for _ in range(20))) as url, client_of(url, []) as client:
        with pytest.raises(EngineError, match="in a loop"):
            await client.post("chat/completions", {})


async def test_http_may_lead_to_https_and_not_back() -> None:
    plain, secure = URL("http://host/v1/models"), URL("https://host/v1/models")
    assert redirected("GET", plain, 301, "https://host/v1/models") == secure
    with pytest.raises(EngineError, match="another server"):
        redirected("GET", secure, 301, "http://host/v1/models")
    with pytest.raises(EngineError, match="no URL"):
        redirected("GET", secure, 301, "mailto:x@host")


async def test_a_key_that_a_server_repeats_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "plain-secret-value")
    padding = "x" * 290  # the message is cut: a key at its end must not be left in part
    refusal = web.json_response({"error": {"message": f"{padding} plain-secret-value is no key"}}, status=400)
    async with server(refusal) as url, client_of(url, [], headers={"X-Key": "${OTHER}"}) as client:
        reply = await client.post("chat/completions", {})
    assert reply.error is not None
    assert "plain-se" not in reply.error.message
    assert "plain-se" not in str(SparError(reply.error.message))
