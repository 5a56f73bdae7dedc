"""One run of `vllm serve`: started on a free port, watched until it is ready, called, stopped.

Knows nothing of other models, of switching or of GPU locks; it serves the same lineup until it ends.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
import structlog

from spar.engines.calls import CallsInFlight
from spar.engines.openai import OpenAIModel
from spar.engines.openai_client import OpenAIClient
from spar.engines.openai_replies import model_names, model_positions
from spar.engines.vllm_server.command import LOOPBACK, serve_arguments, serve_environment
from spar.engines.vllm_server.lineup import Lineup, Servable
from spar.errors import EngineUnavailable
from spar.processes.child import Child, start_child
from spar.recipes.models import EngineSettings

log = structlog.get_logger()

HEALTH_POLL_S = 0.25  # seconds between two requests of /health while it starts; there is no other signal
START_REPORT_S = 15.0  # seconds between two log lines about the progress of a start
SERVING_POLL_S = 10.0  # seconds between two requests of /health while it serves, and the most that one may take
MISSES = 6  # requests in a row without a reply until a server counts as hung: a minute
GRACE = 30.0  # seconds to end by itself after SIGTERM
EXIT_GRACE_S = 5.0  # seconds within which a broken call and the end of the process belong together
_CALL_ATTEMPTS = 3
"""For a connection that broke while the server lives; calls that a dead server lost are repeated by the engine."""


class NotReadyInTime(EngineUnavailable):
    """A start that took longer than its deadline: another one at once would take as long."""


class VllmServer:
    """A running server. The caller of `start_server` must `stop` it."""

    def __init__(self, settings: EngineSettings, lineup: Lineup, child: Child, port: int) -> None:
        self.lineup = lineup
        self._settings = settings
        self._child = child
        self._root = f"http://{LOOPBACK}:{port}"
        self.url = f"{self._root}/v1"
        """Of its OpenAI protocol; without a key."""
        self._client = OpenAIClient(
            self.url, settings.max_batch, settings.deadline_s, _CALL_ATTEMPTS, retried=frozenset()
        )
        self._calls = CallsInFlight("vllm")
        self._models: dict[str, OpenAIModel] = {}
        self._positions: dict[str, int] = {}
        self._watch: asyncio.Task[None] | None = None
        self._ended = asyncio.create_task(child.wait())

    @property
    def alive(self) -> bool:
        # A worker that closes cancels every task of its loop, this one too: then the process itself is checked.
        return self._child.running if self._ended.cancelled() else not self._ended.done()

    @property
    def ended(self) -> "asyncio.Task[int]":
        """Done once the process has ended."""
        return self._ended

    def model(self, model: Servable) -> OpenAIModel:
        if model.name not in self._models:  # what a call learns about the server applies to the next
            settings = self._settings
            self._models[model.name] = OpenAIModel(
                model.name,
                self._client,
                self._calls,
                settings.send_seed,
                settings.body,
                positions=self._positions.get(model.name),
            )
        return self._models[model.name]

    async def died(self) -> bool:
        """Whether a call that just failed did so because the process is ending."""
        await asyncio.wait([self._ended], timeout=EXIT_GRACE_S)
        return self._ended.done()

    def death(self) -> EngineUnavailable:
        """The error for a process that ended by itself."""
        code = f" with exit code {self._ended.result()}" if self._ended.done() and not self._ended.cancelled() else ""
        return EngineUnavailable(
            f"`vllm serve` of {self.lineup.base} ended{code}. Its last lines:\n{self._child.tail()}\n",
            "Correct the cause (memory: lower engine.vllm.gpu_memory_utilization or max_model_len), then resume.",
        )

    async def until_ready(self) -> None:
        """Wait until /health succeeds and the names are right. Raises EngineUnavailable; then only `stop` is left."""
        deadline_s = self._settings.vllm.start_deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                await self._until_healthy()
                await self._check_names()
        except TimeoutError:
            raise NotReadyInTime(
                f"`vllm serve` of {self.lineup.base} was not ready within {deadline_s:g} s. "
                f"Its last lines:\n{self._child.tail()}\n",
                "Raise engine.vllm.start_deadline_s, or look at these lines.",
            ) from None
        self._watch = asyncio.create_task(self._watch_health())

    async def stop(self) -> None:
        """Stop it and wait until it has ended, so that its GPU memory is free. Calls in flight fail."""
        if self._watch is not None:
            self._watch.cancel()
        try:
            await self._calls.close()
            await self._client.close()
            await self._child.stop(GRACE)
            await asyncio.wait([self._ended])
        finally:
            self._child.kill()  # also when this call is cancelled

    async def _until_healthy(self) -> None:
        loop = asyncio.get_running_loop()
        began = reported = loop.time()
        async with _probe() as http:
            while not await _healthy(http, self._root):
                if loop.time() - reported >= START_REPORT_S:
                    reported = loop.time()
                    seconds = round(reported - began)
                    log.info("vllm_starting", base=str(self.lineup.base), seconds=seconds, now=self._last_line())
                await asyncio.wait([self._ended], timeout=HEALTH_POLL_S)
                if self._ended.done():
                    raise self.death()
        log.info("vllm_ready", names=self.lineup.names, seconds=round(loop.time() - began, 1), url=self._root)

    async def _check_names(self) -> None:
        reply = await self._client.get("models")
        names = model_names(reply.data) or []
        if missing := set(self.lineup.names) - set(names):
            raise EngineUnavailable(
                f"{self._root} serves {', '.join(names) or 'nothing'}, not {', '.join(sorted(missing))}.",
                "Another process may have taken the port; the next start uses another one.",
            )
        self._positions = model_positions(reply.data)

    async def _watch_health(self) -> None:
        """Kill a process that lives and no longer replies, so that it is restarted."""
        misses = 0
        async with _probe() as http:
            while misses < MISSES:
                await asyncio.sleep(SERVING_POLL_S)
                misses = 0 if await _healthy(http, self._root) else misses + 1
        log.error("vllm_hung", base=str(self.lineup.base), seconds=MISSES * SERVING_POLL_S)
        self._child.kill()

    def _last_line(self) -> str:
        lines = [line.strip() for line in self._child.tail(5).splitlines() if line.strip()]
        return lines[-1][-200:] if lines else ""


async def start_server(
    command: Sequence[str],
    settings: EngineSettings,
    lineup: Lineup,
    *,
    devices: Mapping[str, str],
    keep: Sequence[int],
    log_file: Path,
) -> VllmServer:
    """Start a server and wait until it is ready; on any failure nothing of it is left. Raises EngineUnavailable.

    `devices` is the environment that names the GPUs it may use, `keep` the descriptors that hold their locks.
    """
    port = _free_port()
    scratch = Path(await asyncio.to_thread(mkdtemp, prefix="spar-vllm-tmp-"))
    arguments = [*command, *serve_arguments(settings, lineup, port)]
    log.info("vllm_start", arguments=arguments[1:], devices=dict(devices), log=str(log_file))
    environment = serve_environment(devices, scratch)
    child = await start_child(arguments, log=log_file, env=environment, keep=keep, scratch=scratch)
    server = VllmServer(settings, lineup, child, port)
    try:
        await server.until_ready()
    except BaseException:
        child.kill()
        await server.stop()
        raise
    return server


def _probe() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SERVING_POLL_S))


async def _healthy(http: aiohttp.ClientSession, root: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(f"{root}/health") as response:
            return response.status == 200
    return False


def _free_port() -> int:
    """A port that was free just now; if another process takes it first, the start fails and another port is tried."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
