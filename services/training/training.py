"""Training one model: files in, the trainer, files out. How a model learns, `spar.training` defines.

Everything lies in a folder named by the fingerprint, so that another attempt finds the checkpoints. One attempt at a
time trains a model on this host; a later one waits for it and uses its result. By the time a training is dispatched its
iteration's data is complete, so the engines are idle and release their GPUs; until then the training waits.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter

from spar.engines.gpu_claims import claim
from spar.engines.gpu_host import this_host
from spar.file_locks import try_lock
from spar.lora import is_adapter
from spar.messages.coordinator import TrainingProgressed
from spar.messages.counts import TrainingCounts
from spar.messages.training import Train, Trained
from spar.method.records import Example, Pair
from spar.recipes.models import TrainingSettings
from spar.runtime.models import model_folder, name_base
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.timing import TimePart, timed
from spar.runtime.worker import Worker
from spar.store.model_files import whole_model
from spar.store.models import upload_model
from spar.training.base import TrainJob, TrainProgress
from spar.training.faults import typed_faults
from spar.training.registry import make_trainer

log = structlog.get_logger()


LOOK_S = 0.2
"""Between two tries for the lock: the kernel cannot wake a waiter that can still be cancelled."""


class Earlier(BaseModel):
    """What an attempt produced: the rows of its result and its figures."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
    trained: Trained
    counts: TrainingCounts


class Claim:
    """The exclusive right to train one model on this host. Its files lie beside the training's folder, which is removed
    at the end."""

    def __init__(self, folder: Path) -> None:
        self._lock = folder.with_name(f"{folder.name}.lock")
        self._made = folder.with_name(f"{folder.name}.made.json")

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for every earlier attempt; the kernel releases a claim when its process ends."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            if not try_lock(lock.fileno()):
                log.info("waiting_for_earlier_attempt", lock=str(self._lock))
                while not try_lock(lock.fileno()):  # noqa: ASYNC110 - another process's lock sets no event
                    await asyncio.sleep(LOOK_S)
            yield

    def earlier(self) -> Earlier | None:
        """What an earlier attempt produced, if it finished."""
        return Earlier.model_validate_json(self._made.read_bytes()) if self._made.exists() else None

    def keep(self, made: Earlier) -> None:
        half = self._made.with_suffix(".unfinished")
        half.write_text(made.model_dump_json())
        half.rename(self._made)


@dataclass(slots=True, kw_only=True)
class StepTimes:
    """The times of the first and the last reported optimizer step: between them is training, without loading."""

    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None

    def note(self, step: int) -> None:
        self.last = (step, time.monotonic())
        self.first = self.first or self.last

    @property
    def step_seconds(self) -> float | None:
        """Seconds per optimizer step; None unless more than one was reported."""
        if self.first is None or self.last is None or self.last[0] <= self.first[0]:
            return None
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])


async def train_model(worker: Worker, command: Train) -> StepOutput:
    """Train it, or wait for an earlier attempt on this host and use its result."""
    folder = worker.work_dir / "training" / command.fingerprint
    claim = Claim(folder)
    async with AsyncExitStack() as held:
        with timed(TimePart.TURN):
            await held.enter_async_context(claim.held())
        made = claim.earlier()
        if made is None or await asyncio.to_thread(whole_model, worker.store, command.fingerprint) is None:
            made = await _train(worker, command, folder)
            claim.keep(made)
            await asyncio.to_thread(shutil.rmtree, folder)
    return StepOutput([made.trained], counts=made.counts)


async def _train(worker: Worker, command: Train, folder: Path) -> Earlier:
    spec = command.spec
    job = TrainJob(
        base=await asyncio.to_thread(model_folder, spec.base, worker.cache),
        rows=folder / "rows.jsonl",
        settings=spec.trainer,
        seed=spec.seed,
        output=folder / "model",
        work=folder / "checkpoints",
    )
    if not job.output.exists():  # otherwise an earlier attempt got as far as the upload
        with typed_faults(job.work):
            await _fetch_rows(worker, command, job.rows)
    seen = StepTimes()
    async with AsyncExitStack() as held:
        with timed(TimePart.TURN):
            gpus = await held.enter_async_context(training_gpus(spec.trainer))
        trainer = make_trainer(spec.trainer.kind)
        with timed(TimePart.TRAINING):
            outcome = await trainer.train(replace(job, gpus=gpus), _progress(worker, command, seen))
    if is_adapter(job.output):
        await asyncio.to_thread(name_base, job.output, spec.base, job.base)
    await asyncio.to_thread(upload_model, worker.store, command.fingerprint, job.output)
    trained = Trained(
        fingerprint=command.fingerprint,
        parent=spec.base.fingerprint,
        samples=outcome.samples,
        too_long=outcome.too_long,
        steps=outcome.steps,
        tokens=outcome.tokens,
        loss=outcome.loss,
    )
    counts = TrainingCounts(
        samples=outcome.samples,
        too_long=outcome.too_long,
        steps=outcome.steps,
        tokens=outcome.tokens,
        resumed_from=outcome.resumed_from,
        step_seconds=seen.step_seconds,
        loss=outcome.loss,
    )
    return Earlier(trained=trained, counts=counts)


def _progress(worker: Worker, command: Train, seen: StepTimes) -> Callable[[TrainProgress], None]:
    def tell(progress: TrainProgress) -> None:
        seen.note(progress.step)
        report = TrainingProgressed(
            step_id=command.step_id,
            attempt=command.attempt,
            step=progress.step,
            steps=progress.steps,
            loss=progress.loss,
        )
        worker.announce(report)

    return tell


async def _fetch_rows(worker: Worker, command: Train, path: Path) -> None:
    refs = (command.spec.rows, *command.spec.more)
    if command.spec.trainer.method == "dpo":
        pairs = [pair for ref in refs for pair in await read_rows(worker.store, ref, Pair)]
        await asyncio.to_thread(_write_rows, path, pairs)
    else:
        examples = [example for ref in refs for example in await read_rows(worker.store, ref, Example)]
        await asyncio.to_thread(_write_rows, path, examples)


def _write_rows(path: Path, rows: Sequence[Pair] | Sequence[Example]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    adapter = TypeAdapter[Pair | Example](Pair | Example)
    with path.open("wb") as file:
        for row in rows:
            file.write(adapter.dump_json(row) + b"\n")


@asynccontextmanager
async def training_gpus(settings: TrainingSettings) -> AsyncIterator[tuple[str, ...]]:
    """One GPU per process of the training; none on a host without GPUs, which trains on the CPU."""
    host = await asyncio.to_thread(this_host)
    if not host.uuids:
        yield ()
        return
    async with claim(settings.launch.processes, "training", host) as held:
        yield held.uuids
