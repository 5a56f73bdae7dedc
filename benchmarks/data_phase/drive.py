"""One iteration's data phase: the real coordinator and the services' own steps, on an event loop with simulated time.

The coordinator sends to an in-memory broker; whatever it sends starts at once, as many steps as its window allows.
Its own work takes no simulated time. The phase ends with the selection; nothing is trained.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from benchmarks.data_phase.fleet import Fleet, TimedModel
from benchmarks.data_phase.workload import Workload
from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from services.generation.tasks import generate_shard
from services.judgment.tasks import judge_shard
from services.refinement.tasks import refine_shard
from services.training.selection import select_data
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.errors import SparError
from spar.messages.base import StepMessage
from spar.messages.coordinator import FailureReason, Report, StepFailed, StepFinished, StepUsage
from spar.messages.counts import ReplyCounts
from spar.messages.generation import TASK as GENERATE
from spar.messages.generation import Generate
from spar.messages.judgment import TASK as JUDGE
from spar.messages.judgment import Judge
from spar.messages.refinement import TASK as REFINE
from spar.messages.refinement import Refine
from spar.messages.training import SELECT_TASK, Select
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe
from spar.runtime.steps import StepOutput
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from spar.store.results import put_result
from spar.store.rows import encode_rows
from spar.submission.prepare import prepare, submit
from spar.testing.broker import RecordingBroker
from spar.testing.clock import VirtualLoop

STEPS: dict[str, tuple[type[StepMessage], Callable[[Any, Any], Awaitable[StepOutput]], str]] = {
    GENERATE: (Generate, generate_shard, ""),
    JUDGE: (Judge, judge_shard, ""),
    REFINE: (Refine, refine_shard, "tree: "),
    SELECT_TASK: (Select, select_data, ""),
}
FOREVER = timedelta(days=1)
RETRY_S = 0.2  # of real time, by which the coordinator's pauses after a failure elapse
RETRIES = 100


@dataclass(kw_only=True)
class DataPhase:
    """What an iteration's data phase cost, and what it produced."""

    recipe: Recipe
    fleet: Fleet
    makespan_s: float = 0.0
    judged: list[Any] = field(default_factory=list)
    trees: list[Any] = field(default_factory=list)
    pairs: int = 0
    pairs_sha256: str = ""
    examples: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    failed_steps: Counter[str] = field(default_factory=Counter)
    end: str = ""


class _Inline(ThreadPoolExecutor):
    """Executes submitted work immediately: simulated time must not pass while a file is read."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the awaiting task raises it
            future.set_exception(error)
        return future


def run_data_phase(
    prompts: int, in_flight: int, workload: Workload, fleet: Fleet, seed: int, overrides: list[str]
) -> DataPhase:
    """`in_flight`: prompts in flight at once, by which the coordinator's window is set."""
    with tempfile.TemporaryDirectory(prefix="data-phase-") as name:
        folder = Path(name)
        recipe = _recipe(folder, workload.prompts(prompts, seed), seed, in_flight, overrides)
        phase = DataPhase(recipe=recipe, fleet=fleet)
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_Drive(folder, phase, workload).run())
        return phase


def _recipe(folder: Path, prompts: list[str], seed: int, in_flight: int, overrides: list[str]) -> Recipe:
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts))
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    shard = 16
    recipe = {
        "name": "data-phase",
        "seed": seed,
        "iterations": 1,
        "models": {"actor": str(model), "refiner": str(model)},
        "prompts": {"source": "prompts.jsonl", "per_iteration": len(prompts), "shard_size": shard},
        "dispatch": {"window": max(1, in_flight // shard)},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
        "failures": {"nothing_learned": "continue"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return load_recipe(str(path), overrides)


class _Drive:
    def __init__(self, folder: Path, phase: DataPhase, workload: Workload) -> None:
        self._phase, self._workload = phase, workload
        self._store = DirectoryStore(folder / "store")
        self._cache = ModelCache(folder / "models", self._store, 1 << 30)
        self._broker = RecordingBroker()
        self._database = open_database(f"sqlite:///{folder / 'spar.db'}")
        migrate(self._database)
        limits = CoordinatorLimits(window=10**6, lease=FOREVER, lost=FOREVER, stuck=FOREVER)
        self._coordinator = Coordinator(self._database, self._store, self._broker, limits)
        submit(prepare(phase.recipe, self._store).submission, self._database)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(_Inline())
        servers = [loop.create_task(server.run()) for server in self._phase.fleet.servers]
        try:
            await self._steps()
        finally:
            for server in servers:
                server.cancel()
            self._database.dispose()

    async def _steps(self) -> None:
        self._coordinator.tick()
        working: set[asyncio.Task[Report]] = set()
        for _ in range(RETRIES):
            working |= self._taken()
            while working:
                done, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._coordinator.handle(task.result())
                if self._phase.pairs_sha256:
                    return
                working |= self._taken()
            time.sleep(RETRY_S)  # noqa: ASYNC251 - simulated time must not pass
            self._coordinator.tick()
        self._phase.end = f"no more steps were sent; failed steps: {dict(self._phase.failed_steps)}"

    def _taken(self) -> set[asyncio.Task[Report]]:
        """Start every step that was sent."""
        sent = [each for queue in self._broker.queues.values() for each in queue]
        self._broker.queues.clear()
        return {asyncio.create_task(self._report(task, message)) for task, message in sent if task in STEPS}

    async def _report(self, task: str, message: dict[str, Any]) -> Report:
        kind, work, prefix = STEPS[task]
        command = kind.model_validate(message)
        server = self._phase.fleet.least_loaded()
        worker = SimpleNamespace(store=self._store, cache=self._cache, chat=self._serves(server, prefix))
        began = asyncio.get_running_loop().time()
        try:
            output = await work(cast(Worker, worker), command)
        except SparError as error:
            reason = FailureReason.of(error)
            self._phase.failed_steps[reason] += 1
            return StepFailed(
                step_id=command.step_id,
                attempt=command.attempt,
                worker="w",
                reason=reason,
                error=str(error),
                retry=True,
            )
        now = asyncio.get_running_loop().time()
        self._keep(task, output, now)
        return self._finished(command, output, now - began)

    def _serves(self, server: Any, prefix: str) -> Callable[[Any, Any], Awaitable[TimedModel]]:
        async def chat(settings: object, model: object) -> TimedModel:
            return TimedModel(self._phase.fleet, server, self._workload, prefix)

        return chat

    def _keep(self, task: str, output: StepOutput, now: float) -> None:
        phase = self._phase
        if task == JUDGE:
            phase.judged += output.rows
        elif task == REFINE:
            phase.trees += output.rows
        if task != SELECT_TASK:
            phase.makespan_s = now
            return
        [selected] = output.rows
        phase.pairs, phase.examples = selected.pairs, selected.examples
        phase.pairs_sha256 = selected.pairs_key.rpartition("/")[2]
        phase.outcomes = dict(cast(Any, output.counts).outcomes)

    def _finished(self, command: StepMessage, output: StepOutput, seconds: float) -> StepFinished:
        data = encode_rows(step=type(command).__name__.lower(), fingerprint=command.fingerprint, rows=output.rows)
        stored = put_result(self._store, command.fingerprint, data)
        usage = output.usage
        return StepFinished(
            step_id=command.step_id,
            attempt=command.attempt,
            worker="w",
            fingerprint=command.fingerprint,
            key=stored.key,
            size=stored.size,
            seconds=seconds,
            usage=StepUsage(
                calls=usage.calls, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
            ),
            counts={**output.counts.flat(), **ReplyCounts(failed=usage.failures, adjusted=usage.adjustments).flat()},
        )
