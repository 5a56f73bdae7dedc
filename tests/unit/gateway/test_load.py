"""Two hundred requests at once while the refiner is slow, fails or hangs: in time, best so far, and nothing is left.

Real sockets, but the loop's own clock: it stands still while anything works, so a deadline is met or missed whatever
else this machine does. How late responses are by a real clock: benchmarks/gateway.py.
"""

import asyncio
import functools
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from spar.testing.batching import CostModel
from spar.testing.behaviour import GOOD
from spar.testing.clock import PATIENCE_S, run_virtually
from spar.testing.server import ServerOptions
from tests.unit.gateway.running import TOKEN, Gateway, gateway, server

REQUESTS = 200
DEADLINE_S = 30.0
SEARCH_S = 29.0  # a second of it is kept for stopping and for the reply
NOT_OURS = ("/spar/testing/", "/tests/")


def virtually(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test on the clock that jumps."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtually(test(*args, **kwargs), PATIENCE_S)

    return run


def body(number: int, model: str = "spar:bfs", **spar: object) -> dict[str, Any]:
    asked = [{"role": "user", "content": f"Write text {number}."}]
    return {"model": model, "messages": asked, "seed": number, "spar": spar}


async def ask(session: aiohttp.ClientSession, at: Gateway, said: dict[str, Any]) -> tuple[int, dict[str, Any], float]:
    """Status, reply, and the seconds that it took on the loop's clock."""
    clock = asyncio.get_running_loop().time
    began = clock()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with session.post(f"{at.url}/v1/chat/completions", json=said, headers=headers) as reply:
        return reply.status, await reply.json(), clock() - began


@asynccontextmanager
async def many() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


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


SLOW = CostModel(step_base=0.08, step_per_sequence=0.0, prefill_per_token=0.0)
REFINERS = {
    "slow": (server(costs=SLOW), {"deadline", "solved"}, {"unsolved"}),
    "failing": (server(status_500=1.0), {"engine_failed"}, set()),
    "hanging": (server(hang=1.0), {"deadline"}, set()),
    "sometimes hanging": (server(hang=0.05), {"deadline", "solved"}, {"unsolved"}),
}
"""Each with the endings that must come, and those that may."""


@pytest.mark.parametrize("kind", REFINERS)
@virtually
async def test_every_response_is_in_time_and_the_best_so_far(kind: str) -> None:
    refiner, must, may = REFINERS[kind]
    before, files = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
    async with gateway(refiner=refiner, running=REQUESTS) as at, many() as session:
        port = URL(at.backend.settings.refiner).port
        asked = [body(i, deadline_s=DEADLINE_S, budget=6, tree=True) for i in range(REQUESTS)]
        replies = await asyncio.gather(*(ask(session, at, each) for each in asked))
        assert at.backend.admission.running == at.backend.admission.waiting == 0
        await until(lambda: our_tasks() == [], "tasks were left")
        if kind == "hanging":
            await until(lambda: connections_to(port or 0) == 0, "connections to the refiner were left")
    assert asyncio.all_tasks() == before
    assert len(os.listdir("/proc/self/fd")) <= files
    assert [status for status, _, _ in replies] == [200] * REQUESTS
    endings = {reply["spar"]["ending"] for _, reply, _ in replies}
    assert must <= endings <= must | may
    for _, reply, seconds in replies:
        _is_best_so_far(reply)
        _is_in_time(reply["spar"], seconds)


def _is_in_time(said: dict[str, Any], seconds: float) -> None:
    """What its deadline ended took all that it had for searching, and says so; nothing took longer."""
    assert seconds <= DEADLINE_S
    if said["ending"] == "deadline":
        assert seconds >= SEARCH_S - 0.001  # sums of steps are not exact
        assert said["reason"].startswith("the deadline (")


def _is_best_so_far(reply: dict[str, Any]) -> None:
    said, text = reply["spar"], reply["choices"][0]["message"]["content"]
    assert text
    if said["tree"] is None:
        assert (said["value"], said["counts"]["generations"]) == (None, 1)
        return
    values = {node["text"]: node["value"] or 0.0 for node in said["tree"]["nodes"]}
    assert values[text] == said["value"] == max(values.values())
    assert (said["ending"] == "solved") == (GOOD in text and said["tree"]["solved"] and said["ending"] != "deadline")


@virtually
async def test_what_is_too_much_is_refused_and_the_rest_is_served() -> None:
    busy = server(costs=replace(SLOW, step_base=0.003))
    async with gateway(refiner=busy, running=8, waiting=16) as at, many() as session:
        replies = await asyncio.gather(*(ask(session, at, body(i, deadline_s=DEADLINE_S)) for i in range(60)))
        assert at.backend.admission.running == 0
    statuses = Counter(status for status, _, _ in replies)
    assert set(statuses) <= {200, 429, 504}  # 504: its deadline passed just when it got a place
    assert statuses[429] >= 60 - 8 - 16
    assert statuses[200] >= 8
    refused = next(reply for status, reply, _ in replies if status == 429)
    assert refused["error"]["type"] == "rate_limit_error"
    assert refused["error"]["code"] in ("queue_full", "queue_timeout")


@pytest.mark.parametrize("stream", [False, True])
@virtually
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


@virtually
async def test_a_silent_search_sends_heartbeats() -> None:
    async with gateway(refiner=server(hang=1.0), heartbeat_s=5.0) as at, many() as session:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        said = {**body(0, deadline_s=DEADLINE_S), "stream": True}
        async with session.post(f"{at.url}/v1/chat/completions", json=said, headers=headers) as stream:
            lines = (await stream.text()).splitlines()
    assert lines.count(": waiting") == SEARCH_S // 5
    assert '"ending": "deadline"' in "".join(lines)


@virtually
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


@virtually
async def test_an_actor_that_does_not_respond_in_time_is_an_error() -> None:
    async with gateway(actor=server(hang=1.0)) as at, many() as session:
        status, reply, _ = await ask(session, at, body(0, deadline_s=0.3))
    assert (status, reply["error"]["code"]) == (504, "deadline_exceeded")
