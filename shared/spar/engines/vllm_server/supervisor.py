"""Keeps the right server running: starts, switches, restarts after a crash, stops when idle. One at a time.

One task does all of it, so that no two servers ever need the same GPU. `switching` decides what to do, `gate` knows the
calls that wait; the supervisor acts.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from spar.engines.gpu_claims import GpuClaim, acquire, when_wanted
from spar.engines.gpu_host import GpuHost
from spar.engines.vllm_server.command import vllm_command
from spar.engines.vllm_server.gate import Gate, Post
from spar.engines.vllm_server.lineup import Lineup, Servable, lineup_for
from spar.engines.vllm_server.server import NotReadyInTime, VllmServer, start_server
from spar.engines.vllm_server.switching import Move, Policy, decide
from spar.errors import EngineUnavailable, SparError
from spar.recipes.models import EngineSettings

log = structlog.get_logger()

_NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "VLLM_TARGET_DEVICE": "cpu"}


@dataclass(frozen=True, slots=True)
class ServerHost:
    """Where servers run: the command that starts one (None: `vllm`, found when needed), and the host's GPUs."""

    command: Sequence[str] | None = None
    host: GpuHost | None = None


class Supervisor:
    """Created on any thread, used on one event loop. `known` returns the models in use, the most recent first."""

    def __init__(
        self, settings: EngineSettings, policy: Policy, place: ServerHost, known: Callable[[], Sequence[Servable]]
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._place = place
        self._known = known
        self._something = asyncio.Event()
        self._wanted = False
        self.gate = Gate(lambda: asyncio.get_running_loop().time(), self._wake)
        self._task: asyncio.Task[None] | None = None
        self._claim: GpuClaim | None = None
        self._failures = 0
        self._logs: Path | None = None
        self._starts = 0
        self._unregister = when_wanted(self._release_when_idle)

    async def enter(self, model: Servable) -> Post:
        """Wait until the model is served. Raises EngineError when it cannot be, RecipeError on too small a host."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._supervise())
        return await self.gate.enter(model)

    async def close(self) -> None:
        self._unregister()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._stop("closed")
        if self._logs is not None:
            await asyncio.to_thread(shutil.rmtree, self._logs, ignore_errors=True)

    def _wake(self) -> None:
        self._something.set()

    def _release_when_idle(self) -> None:
        self._wanted = True
        self._wake()

    async def _supervise(self) -> None:
        try:
            while True:
                await self._step()
        except Exception as error:  # a bug: calls in the queue must not wait for a task that has ended
            self.gate.refuse(None, error)
            raise

    async def _step(self) -> None:
        now = asyncio.get_running_loop().time()
        decision = decide(now, self.gate.standing(self._wanted), self._policy)
        self._wanted = False  # a claim that waits for our GPUs repeats its request
        match decision.move:
            case Move.STAY:
                await self._stay(decision.look_again_s)
            case Move.DRAIN:
                self._drain()
            case Move.START:
                await self._change()
            case Move.STOP:
                await self._stop("idle")

    async def _stay(self, look_again_s: float | None) -> None:
        if self.gate.post is None or not self.gate.post.server.alive:
            await self._stop("no calls")
        self._reopen()
        await self._event(look_again_s)

    async def _event(self, timeout: float | None) -> None:
        """Until something changes, the server ends, or the time is over."""
        something = asyncio.create_task(self._something.wait())
        ended = [] if self.gate.post is None else [self.gate.post.server.ended]
        try:
            await asyncio.wait([something, *ended], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            something.cancel()
            self._something.clear()

    def _drain(self) -> None:
        assert self.gate.post is not None
        log.info("vllm_draining", in_flight=self.gate.post.in_flight)
        self.gate.post.draining = True

    def _reopen(self) -> None:
        """Stop draining if the calls that it was for have been cancelled."""
        post = self.gate.post
        if post is not None and post.draining and self.gate.standing(False).waiting_since is None:
            self.gate.open(post)

    async def _change(self) -> None:
        """Try once to serve the next model. Failures count; after too many, the calls that wait for it fail."""
        model = self.gate.next_model
        death = await self._stop("switch", keep_claim=True)
        if model is None:
            return
        if death is not None and self._failures >= self._policy.starts:
            self._give_up(model, death)
            return
        try:
            server = await self._start(lineup_for(model, self._known()))
        except SparError as error:
            self._failed(model, error)
            return
        now = asyncio.get_running_loop().time()
        self.gate.open(Post(server=server, ready_since=now, quiet_since=now))

    def _failed(self, model: Servable, error: SparError) -> None:
        self._failures += 1
        log.error("vllm_start_failed", error=str(error), failures=self._failures)
        worth_it = isinstance(error, EngineUnavailable) and not isinstance(error, NotReadyInTime)
        if not worth_it or self._failures >= self._policy.starts:
            self._give_up(model, error)

    def _give_up(self, model: Servable, error: SparError) -> None:
        """Fail the calls that wait. The next call starts with a fresh count: the cause may have been corrected."""
        self._failures = 0
        self.gate.refuse(model, error)

    async def _start(self, lineup: Lineup) -> VllmServer:
        await asyncio.sleep(self._policy.back_off(self._failures))
        command = self._place.command
        if command is None:
            command = await asyncio.to_thread(vllm_command)
        if self._settings.vllm.device == "gpu" and self._claim is None:
            purpose = f"vllm engine ({lineup.base.name})"
            self._claim = await acquire(self._settings.vllm.tensor_parallel, purpose, self._place.host)
        claim = self._claim
        return await start_server(
            command,
            self._settings,
            lineup,
            devices=_NO_GPU if claim is None else claim.environment(),
            keep=() if claim is None else claim.descriptors,
            log_file=await asyncio.to_thread(self._log_file),
        )

    async def _stop(self, why: str, *, keep_claim: bool = False) -> EngineUnavailable | None:
        """Stop the server, if any. Returns the error of one that had ended by itself."""
        post, self.gate.post = self.gate.post, None
        death = None
        if post is not None:
            death = self._count(post, why)
            await post.server.stop()
        if self._claim is not None and not keep_claim:
            self._claim.release()
            self._claim = None
        return death

    def _count(self, post: Post, why: str) -> EngineUnavailable | None:
        if post.server.alive:
            log.info("vllm_stop", why=why, names=post.server.lineup.names)
            self._failures = 0
            return None
        self._failures = 1 if post.proven else self._failures + 1
        death = post.server.death()
        log.error("vllm_crashed", error=str(death), failures=self._failures)
        return death

    def _log_file(self) -> Path:
        """One per start; the one before the last is removed, so that logs do not accumulate."""
        if self._logs is None:
            self._logs = Path(tempfile.mkdtemp(prefix="spar-vllm-"))
        self._starts += 1
        (self._logs / f"{self._starts - 2}.log").unlink(missing_ok=True)
        return self._logs / f"{self._starts}.log"
