"""Training one model: files in, the trainer at work, files out. How a model learns is `spar.training`'s.

Everything lies in a folder named by the fingerprint, so that another attempt finds the checkpoints.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from services.training.claims import Claim, Earlier
from services.training.gpus import training_gpus
from spar.lora import is_adapter
from spar.messages.coordinator import TrainingProgressed
from spar.messages.counts import TrainingCounts
from spar.messages.training import Train, Trained
from spar.method.records import Example, Pair
from spar.runtime.models import model_folder, name_base
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.timing import TimePart, timed
from spar.runtime.worker import Worker
from spar.store.model_files import whole_model
from spar.store.models import upload_model
from spar.training.base import TrainJob, TrainProgress
from spar.training.faults import typed_faults
from spar.training.registry import make_trainer


@dataclass(slots=True, kw_only=True)
class StepTimes:
    """When the first and the last optimizer step were heard of: what lies between is training, without loading."""

    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None

    def note(self, step: int) -> None:
        self.last = (step, time.monotonic())
        self.first = self.first or self.last

    @property
    def step_seconds(self) -> float | None:
        """Of one optimizer step; None unless more than one was heard of."""
        if self.first is None or self.last is None or self.last[0] <= self.first[0]:
            return None
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])


async def train_model(worker: Worker, command: Train) -> StepOutput:
    """Train it, or wait for an earlier attempt that is still at work here, and take what it made."""
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
    if not job.output.exists():  # else an earlier attempt got as far as the upload
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


def _progress(worker: Worker, command: Train, seen: "StepTimes") -> Callable[[TrainProgress], None]:
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
