"""Measures the coordinator and the selection for a number of prompts, without any model: for `benchmarks/growth.py`."""

import asyncio
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.data_phase.workload import Workload, kind_of, tokens_of
from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from services.training.selection import select_data
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.engines.base import Completion, Sampling
from spar.messages.base import ModelRef, ObjectRef
from spar.messages.coordinator import StepFinished, StepStarted, StepUsage
from spar.messages.counts import ShardCounts
from spar.messages.training import Select, SelectionSpec, ShardResults
from spar.method.negatives import choose_negative
from spar.method.records import JudgedPrompt, JudgedResponse, Message, Prompt, Tree
from spar.method.templates import builtin_templates
from spar.recipes.load import load_recipe
from spar.recipes.models import EngineSettings, GenerationSettings, SearchSettings, SelectionSettings
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import NEGATIVE, SeedScope, Usage
from spar.runtime.steps import put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from spar.submission.prepare import prepare, submit
from spar.testing.broker import RecordingBroker
from tests.end_to_end.simulated import write_recipe

SHARD = 16
BASE = 500
"""Prompts that are actually searched; further ones are copies with a different prompt text."""
QUEUES = ("refinement", "judgment", "generation")
MIB = 1 << 20
_POOL = "".join(Random(0).choices("abcdefghijklmnopqrstuvwxyz      ", k=1 << 20))


@dataclass
class _TimedBroker(RecordingBroker):
    first_at: float | None = None

    def send(self, task: str, queue: str, message: dict[str, Any]) -> None:
        self.first_at = self.first_at or time.monotonic()
        super().send(task, queue, message)


def measure_coordinator(prompts: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="spar-growth-") as name:
        folder = Path(name)
        source = {"source": "world:story", "per_iteration": prompts, "shard_size": SHARD}
        recipe = load_recipe(str(write_recipe(folder / "recipe", iterations=1, prompts=source)))
        store, broker = DirectoryStore(folder / "store"), _TimedBroker()
        database = open_database(f"sqlite:///{folder / 'spar.db'}")
        migrate(database)
        coordinator = Coordinator(database, store, broker, CoordinatorLimits())
        submit(prepare(recipe, store).submission, database)
        before, began = _memory(), time.monotonic()
        coordinator.tick()
        assert broker.first_at is not None, "a tick starts the run"
        dispatched = broker.first_at - began
        cpu, steps = time.process_time(), 0
        while (message := _next(broker)) is not None:
            coordinator.handle(StepStarted(step_id=message["step_id"], attempt=message["attempt"], worker="w"))
            coordinator.handle(_finished(message))
            steps += 1
        cpu = time.process_time() - cpu
        database.dispose()
    return {
        "prompts": prompts,
        "seconds to the first dispatch": dispatched,
        "milliseconds per shard step": 1000 * cpu / steps,
        "peak MiB above the start": (_peak() - before) / MIB,
    }


def _next(broker: RecordingBroker) -> dict[str, Any] | None:
    return next((broker.take(queue) for queue in QUEUES if broker.queues.get(queue)), None)


def _finished(message: dict[str, Any]) -> StepFinished:
    fingerprint = message["fingerprint"]
    return StepFinished(
        step_id=message["step_id"],
        attempt=message["attempt"],
        worker="w",
        fingerprint=fingerprint,
        key=f"results/{fingerprint}/{fingerprint}",
        size=1,
        seconds=1.0,
        usage=StepUsage(calls=16, prompt_tokens=1, completion_tokens=1),
        counts=ShardCounts(unusable=0).flat(),
    )


def measure_selection(prompts: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="spar-growth-") as name:
        folder = Path(name)
        store = DirectoryStore(folder / "store")
        command = _select(store, prompts)
        worker = SimpleNamespace(store=store, cache=ModelCache(folder / "models", store, 1 << 30))
        with _peak_memory() as grown:
            began, cpu = time.monotonic(), time.process_time()
            asyncio.run(_select_data(cast(Worker, worker), command))
            took, cpu = time.monotonic() - began, time.process_time() - cpu
    return {
        "prompts": prompts,
        "peak MiB above the start": grown[0] / MIB,
        "seconds": took,
        "CPU milliseconds per prompt": 1000 * cpu / prompts,
    }


async def _select_data(worker: Worker, command: Select) -> None:
    output = await select_data(worker, command)
    assert output.rows[0].pairs, "a selection without pairs measures nothing"


def _select(store: DirectoryStore, prompts: int) -> Select:
    """Stores shards with long texts; returns the message that selects from them."""
    shards = [_put_shard(store, rows) for rows in _shards(prompts)]
    model = ModelRef(fingerprint="m" * 64, location="served:model")
    spec = SelectionSpec(
        actor=model,
        refiner=model,
        templates=ObjectRef(key=put_rows(store, "templates", "templates", [builtin_templates("spar")])),
        selection=SelectionSettings(),
        actor_limit=None,
        refiner_limit=None,
        seed=0,
        iteration=1,
        inputs=ObjectRef(key=put_rows(store, "inputs", "selection_inputs", shards)),
    )
    envelope = {"run_id": "r", "step_id": 1, "attempt": 1, "deadline_s": 3600.0, "engine": EngineSettings(kind="none")}
    return Select.model_validate({**envelope, "fingerprint": spec.fingerprint(), "spec": spec})


Rows = list[tuple[JudgedPrompt, Tree | None]]


def _shards(prompts: int) -> Iterator[Rows]:
    base = asyncio.run(_searched(min(prompts, BASE)))
    for begin in range(0, prompts, SHARD):
        yield [
            _with_other_prompt(base[index % len(base)], index // len(base))
            for index in range(begin, min(begin + SHARD, prompts))
        ]


def _with_other_prompt(row: tuple[JudgedPrompt, Tree | None], copy: int) -> tuple[JudgedPrompt, Tree | None]:
    judged, tree = row
    prompt = Prompt.of(f"{copy}: {judged.prompt.text}")
    return replace(judged, prompt=prompt), tree and replace(tree, prompt=prompt)


def _put_shard(store: DirectoryStore, rows: Rows) -> ShardResults:
    judged, trees = [row for row, _ in rows], [tree for _, tree in rows if tree is not None]
    return ShardResults(
        prompts=put_rows(store, "prompts", "prompts", [row.prompt for row in judged]),
        judged=put_rows(store, "results", "judge", judged),
        trees=put_rows(store, "results", "refine", trees),
    )


class _LongTexts:
    """A model of the workload whose texts are written in full: about four characters per token."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        kind = kind_of(messages)
        return [_completion(self._workload.reply(kind, messages, seed + index), seed + index) for index in range(n)]


def _completion(reply: str, seed: int) -> Completion:
    length, begin = 4 * tokens_of(reply), seed % (len(_POOL) // 2)
    written = _POOL[begin : begin + length]
    text = reply.replace("]", f"] {written}", 1)
    return Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


async def _searched(prompts: int) -> Rows:
    workload, templates = Workload(), builtin_templates("spar")
    scope, usage, chat = SeedScope(seed=0, iteration=1), Usage(), _LongTexts(Workload())
    actor = Actor(chat=chat, settings=GenerationSettings(), scope=scope, usage=usage)
    refiner = Refiner(chat=chat, settings=RefinerSettings(templates=templates), scope=scope, usage=usage)
    rows: Rows = []
    for number, text in enumerate(workload.prompts(prompts, 0)):
        prompt = Prompt.of(f"{text} {_POOL[number : number + 4 * tokens_of(text)]}")
        responses = (await actor.respond(prompt)).responses
        judged = [JudgedResponse(response, await refiner.judge_response(prompt, response)) for response in responses]
        row = JudgedPrompt(prompt, tuple(judged))
        negative = choose_negative(row, scope.derive(prompt, NEGATIVE))
        searched = isinstance(negative, JudgedResponse)
        rows.append((row, await refiner.search(prompt, negative, policy_of(SearchSettings())) if searched else None))
    return rows


def _memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """The peak growth of resident memory within the block, available after the block."""
    grown, done, before = [0], threading.Event(), _memory()

    def sample() -> None:
        while not done.wait(0.01):
            grown[0] = max(grown[0], _memory() - before)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield grown
    finally:
        done.set()
        sampler.join()
