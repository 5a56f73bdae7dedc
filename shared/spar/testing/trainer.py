"""A trainer without a model: the same jobs, folders, counts and errors as a real one, at once and deterministic.

A token is a word. The "weights" are `model.json`, whose bytes follow from the base's `model.json` (if it has one),
the rows, the settings and the seed. Knows no model library; a base needs no weights.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from spar.errors import ModelUnusable
from spar.method.records import Example, Pair
from spar.training.base import Trainer, TrainJob, TrainOutcome, TrainProgress
from spar.training.jobs import micro_batch_size, read_rows, without_too_long
from spar.training.workspace import Workspace, locked

MODEL = "model.json"
STEP_SECONDS = "SPAR_SIMULATED_STEP_S"


def make() -> Trainer:
    return SimulatedTrainer()


class SimulatedTrainer:
    """Gives other tasks their turn after every step, so it can be cancelled in between. A step takes as many seconds as
    the variable STEP_SECONDS says."""

    def lengths(self, base: Path, rows: Sequence[Pair] | Sequence[Example]) -> list[int]:
        return [_words(row) for row in rows]

    async def train(self, job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
        """Pretend to train: the steps, progress and checkpoints of a real training, with losses from a formula."""
        if not job.base.is_dir():
            raise ModelUnusable(f"{job.base} is not a directory.", "Point the recipe at a model directory.")
        step_s = float(os.environ.get(STEP_SECONDS, "0"))
        with locked(job.work):
            workspace = Workspace(job)
            if (finished := workspace.finished()) is not None:
                return finished
            micro_batch_size(job)
            rows = read_rows(job)
            lengths = self.lengths(job.base, rows)
            kept = without_too_long(lengths, lengths, job.settings.max_length)
            steps = -(-len(kept) // job.settings.batch_size) * job.settings.epochs
            tokens = sum(kept) * job.settings.epochs
            losses = [_loss(step) for step in range(1, steps + 1)]
            for step, loss in enumerate(losses, start=1):
                on_progress(TrainProgress(step=step, steps=steps, loss=loss, tokens=tokens * step // steps))
                await asyncio.sleep(step_s)
            outcome = TrainOutcome(
                samples=len(kept),
                too_long=len(rows) - len(kept),
                steps=steps,
                tokens=tokens,
                seconds=0.0,
                loss=sum(losses) / steps,
                resumed_from=0,
            )
            workspace.publish(lambda folder: _write(job, folder), outcome)
            return outcome


def _words(row: Pair | Example) -> int:
    if isinstance(row, Pair):
        replies = (len(row.chosen.split()), len(row.rejected.split()))
        return len(row.prompt.text.split()) + max(replies)
    return sum(len(message.content.split()) for message in row.messages)


def _loss(step: int) -> float:
    return 1 / (1 + step)


def _write(job: TrainJob, folder: Path) -> None:
    base = job.base / MODEL
    weights = json.dumps(
        {
            "base": hashlib.sha256(base.read_bytes()).hexdigest() if base.exists() else None,
            "rows": hashlib.sha256(job.rows.read_bytes()).hexdigest(),
            "seed": job.seed,
            "settings": job.settings.model_dump(mode="json"),
        },
        sort_keys=True,
    )
    (folder / MODEL).write_text(weights)
