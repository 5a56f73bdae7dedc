"""Two hundred requests at once while the refiner is slow, fails or hangs: in time, best so far, and nothing is left."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from spar.testing.batching import CostModel
from spar.testing.behaviour import GOOD
from spar.testing.server import ServerOptions
from tests.unit.gateway.running import TOKEN, Gateway, gateway, server

REQUESTS = 200
LEAST_DEADLINE_S = 2.0
SLOWER = 8  # times as long as the actors of all requests alone: a busy machine makes deadlines longer, not tests fail
NOT_OURS = ("/spar/testing/", "/tests/")


def body(number: int, model: str = "spar:bfs", **spar: object) -> dict[str, Any]:
    asked = [{"role": "user", "content": f"Write text {number}."}]
    return {"model": model, "messages": asked, "seed": number, "spar": spar}


async def ask(session: aiohttp.ClientSession, at: Gateway, said: dict[str, Any]) -> tuple[int, dict[str, Any], float]:
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with session.post(f"{at.url}/v1/chat/completions", json=said, headers=headers) as reply:
        return reply.status, await reply.json(), time.monotonic() - began


@asynccontextmanager
async def many() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


async def fair_deadline(session: aiohttp.ClientSession, at: Gateway) -> float:
    """Seconds that are enough for every actor to respond, whatever else this machine does now."""
    began = time.monotonic()
    await asyncio.gather(*(ask(session, at, body(i, "spar:actor")) for i in range(REQUESTS)))
    return max(LEAST_DEADLINE_S, SLOWER * (time.monotonic() - began))


def our_tasks() -> list[str]:
    """Tasks that run code of the gateway and what it stands on, by the file of their coroutine."""
    files = [task.get_coro().cr_code.co_filename for task in asyncio.all_tasks()]  # type: ignore[union-attr]
    return [
        file for file in files if ("/spar/" in file or "/services/" in file) and not any(n in file for n in NOT_OURS)
    ]


def connections_to(port: int) -> int:
    """Established TCP connections to a port of this host."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == "01" and int(row[2].rpartition(":")[2], 16) == port for row in rows)


async def until(holds: Any, what: str) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - neither sockets nor tasks give an event
            await asyncio.sleep(0.01)
    assert holds(), what


SLOW = CostModel(step_base=0.02, step_per_sequence=0.0, prefill_per_token=0.0)
REFINERS = {
    "slow": (server(costs=SLOW), {"deadline", "solved", "unsolved"}),
    "failing": (server(status_500=1.0), {"engine_failed", "deadline"}),
    "hanging": (server(hang=1.0), {"deadline"}),
    "sometimes hanging": (server(hang=0.05), {"deadline", "solved", "unsolved"}),
}


@pytest.mark.parametrize("kind", REFINERS)
async def test_every_response_is_in_time_and_the_best_so_far(kind: str) -> None:
    refiner, endings = REFINERS[kind]
    before, files = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
    async with gateway(refiner=refiner, running=REQUESTS) as at, many() as session:
        port = URL(at.backend.settings.refiner).port
        deadline = await fair_deadline(session, at)
        asked = [body(i, deadline_s=deadline, tree=True) for i in range(REQUESTS)]
        replies = await asyncio.gather(*(ask(session, at, each) for each in asked))
        assert at.backend.admission.running == at.backend.admission.waiting == 0
        await until(lambda: our_tasks() == [], "tasks were left")
        if kind == "hanging":
            await until(lambda: connections_to(port or 0) == 0, "connections to the refiner were left")
    assert asyncio.all_tasks() == before
    assert len(os.listdir("/proc/self/fd")) <= files
    assert max(seconds for _, _, seconds in replies) < 1.5 * deadline
    said = [reply["spar"] for status, reply, _ in replies if status == 200]
    assert len(said) == REQUESTS
    assert {each["ending"] for each in said} <= endings
    for _, reply, _ in replies:
        _is_best_so_far(reply)
    if kind.endswith("hanging") and kind != "hanging":
        assert {"deadline", "solved"} <= {each["ending"] for each in said}


def _is_best_so_far(reply: dict[str, Any]) -> None:
    said, text = reply["spar"], reply["choices"][0]["message"]["content"]
    assert text
    if said["tree"] is None:
        assert (said["value"], said["counts"]["generations"]) == (None, 1)
        return
    values = {node["text"]: node["value"] or 0.0 for node in said["tree"]["nodes"]}
    assert values[text] == said["value"] == max(values.values())
    assert (said["ending"] == "solved") == (GOOD in text and said["tree"]["solved"] and said["ending"] != "deadline")


async def test_what_is_too_much_is_refused_and_the_rest_is_served() -> None:
    busy = server(costs=replace(SLOW, step_base=0.003))
    async with gateway(refiner=busy, running=8, waiting=16) as at, many() as session:
        deadline = await fair_deadline(session, at)
        replies = await asyncio.gather(*(ask(session, at, body(i, deadline_s=deadline)) for i in range(60)))
        assert at.backend.admission.running == 0
    statuses = Counter(status for status, _, _ in replies)
    assert set(statuses) <= {200, 429, 504}  # 504: its deadline passed just when it got a place
    assert statuses[429] >= 60 - 8 - 16
    assert statuses[200] >= 8
    refused = next(reply for status, reply, _ in replies if status == 429)
    assert refused["error"]["type"] == "rate_limit_error"
    assert refused["error"]["code"] in ("queue_full", "queue_timeout")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_ends_its_search(stream: bool) -> None:
    hanging: ServerOptions = server(hang=1.0)
    async with gateway(refiner=hanging, heartbeat_s=60.0) as at:
        port = URL(at.backend.settings.refiner).port or 0
        async with many() as session:
            asking = [
                asyncio.create_task(ask(session, at, {**body(i, deadline_s=60), "stream": stream})) for i in range(5)
            ]
            await until(lambda: connections_to(port) >= 5, "the searches began")
            assert at.backend.admission.running == 5
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        await until(lambda: at.backend.admission.running == 0, "searches went on")
        await until(lambda: our_tasks() == [] and connections_to(port) == 0, "something was left")


async def test_an_actor_that_fails_is_an_error_and_a_stream_tells_it() -> None:
    async with gateway(actor=server(status_500=1.0)) as at, many() as session:
        status, reply, _ = await ask(session, at, body(0, deadline_s=30))
        assert status == 503
        assert reply["error"]["code"] == "model_unavailable"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        streamed = {**body(0, deadline_s=30), "stream": True}
        async with session.post(f"{at.url}/v1/chat/completions", json=streamed, headers=headers) as stream:
            assert stream.status == 200
            assert '"code": "model_unavailable"' in await stream.text()


async def test_an_actor_that_does_not_respond_in_time_is_an_error() -> None:
    async with gateway(actor=server(hang=1.0)) as at, many() as session:
        status, reply, _ = await ask(session, at, body(0, deadline_s=0.3))
    assert (status, reply["error"]["code"]) == (504, "deadline_exceeded")
