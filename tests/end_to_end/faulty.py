"""The simulated model server behind a switch for tests: while it is on, every request gets that status.

In this process, so that the fault begins at a request and ends at a time of the test's choosing.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from spar.testing.batching import CostModel
from spar.testing.server import ServerOptions, SimulatedServer

WORDS = {
    401: "a valid API key is required",
    403: "forbidden",
    404: "not found",
    408: "timed out",
    413: "Request Entity Too Large",
    429: "too many requests",
    503: "the engine is down",
}
REFUSED = 400


class FaultySwitch:
    """`fails_from`: the number of chat requests that are served before the fault starts; None: no fault.

    `poison`: requests with this text are refused, whatever else is served.
    """

    def __init__(self) -> None:
        self.status = 404
        self.fails_from: int | None = None
        self.served = 0
        self.refused = 0
        self.url = ""
        self.poison = ""

    @web.middleware
    async def middleware(self, request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:  # type: ignore[type-arg]
        if self.poison and self.poison in await request.text():
            self.refused += 1
            return web.json_response({"error": {"message": "this is not taken"}}, status=REFUSED)
        if self.fails_from is not None and self.served >= self.fails_from:
            self.refused += 1
            body = {"error": {"message": WORDS[self.status], "code": self.status}}
            return web.json_response(body, status=self.status)
        self.served += request.path.endswith("completions")
        answer: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return answer

    def heal(self) -> None:
        self.fails_from, self.poison = None, ""


@contextmanager
def faulty_server(switch: FaultySwitch) -> Iterator[FaultySwitch]:
    """Serve on a free port until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    app = SimulatedServer(ServerOptions(costs=CostModel(step_base=0, step_per_sequence=0, prefill_per_token=0))).app()
    app.middlewares.insert(0, switch.middleware)
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    switch.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield switch
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()
