"""The seam to trainers: a `Trainer` turns a base model and rows into a new model directory.

Knows nothing of iterations, databases or queues. Every trainer must pass tests/contract/test_trainers.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from spar.method.records import Example, Pair
from spar.recipes.models import DpoSettings, SftSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """One training.

    `rows` is a JSON Lines file: pairs for a DpoSettings, examples for an SftSettings. `output` appears complete or not
    at all. `work` is this job's own folder: checkpoints until it succeeds, then only its outcome, so that repeating a
    finished job returns at once. Once the outcome is recorded, the folder may be removed.
    """

    base: Path
    rows: Path
    settings: DpoSettings | SftSettings
    seed: int
    output: Path
    work: Path
    gpus: tuple[str, ...] = ()
    """UUIDs of the GPUs it may use; none: all that the process sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainProgress:
    """Progress of a training: `step` of `steps` optimizer steps, the latest loss, the tokens seen so far."""

    step: int
    steps: int
    loss: float | None
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOutcome:
    """The result of a training over all attempts, except `seconds`, which are the last attempt's.

    `samples` were trained on and `too_long` left out; `loss` is the mean over all steps; `resumed_from` is the step
    of the checkpoint from which the last attempt started (0: none).
    """

    samples: int
    too_long: int
    steps: int
    tokens: int
    seconds: float
    loss: float | None
    resumed_from: int


class Trainer(Protocol):
    """Trains one model at a time per call; calls with different jobs may run at once."""

    def lengths(self, base: Path, rows: Sequence[Pair] | Sequence[Example]) -> list[int]:
        """Tokens of each whole sample as trained on; for a pair, of the longer side.

        Lets selection count rows that are too long before anything is trained. Raises ModelUnusable.
        """
        ...

    async def train(self, job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
        """Train until `job.output` exists, resuming from the newest valid checkpoint in `job.work`.

        Cancelling stops the work and keeps the checkpoints. Raises TrainingError, ModelUnusable, DataError.
        """
        ...


@runtime_checkable
class ComparesIds(Protocol):
    """An optional ability of a trainer: comparing the token ids that it trains on with those of an engine."""

    def differing(self, base: Path, rows: Sequence[Pair | Example]) -> list[bool]:
        """For each row, whether its prompt is trained on as different ids than are served, or with more than one BOS.
        Raises ModelUnusable."""
        ...
