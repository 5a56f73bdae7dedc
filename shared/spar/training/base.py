"""The seam to whatever trains a model: a `Trainer` turns a base model and rows into a new model directory.

Knows nothing of iterations, databases or queues. Every trainer is held to tests/contract/test_trainers.py.
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

    `rows` is a file of JSON lines: pairs for a DpoSettings, examples for an SftSettings. `output` appears whole or
    not at all. `work` is this job's own folder: checkpoints until it succeeds, then only its outcome, so that
    repeating a finished job returns at once. Whoever has recorded the outcome may remove the folder.
    """

    base: Path
    rows: Path
    settings: DpoSettings | SftSettings
    seed: int
    output: Path
    work: Path
    gpus: tuple[str, ...] = ()
    """UUIDs of the GPUs it may use; none: whatever the process sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainProgress:
    """Where a training is: `step` of `steps` optimizer steps, the newest loss, the tokens seen so far."""

    step: int
    steps: int
    loss: float | None
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOutcome:
    """What a training did, all attempts together, except `seconds`, which are the last attempt's.

    `samples` were trained on and `too_long` left out; `loss` is the mean over all steps; `resumed_from` is the step
    of the checkpoint that the last attempt began at (0: none).
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
        """Tokens of each whole sample as it would be trained on; of a pair, the longer of its two.

        Lets selection count what is too long before anything is trained. Raises ModelUnusable.
        """
        ...

    async def train(self, job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
        """Train until `job.output` is there; go on from the newest valid checkpoint in `job.work`.

        Cancelling ends the work and keeps the checkpoints. Raises TrainingError, ModelUnusable, DataError.
        """
        ...


@runtime_checkable
class ComparesIds(Protocol):
    """What a trainer may do besides: compare the ids that it trains on with those that an engine is given."""

    def differing(self, base: Path, rows: Sequence[Pair | Example]) -> list[bool]:
        """Of each row: whether its prompt is trained on as other ids than are served, or with BOS more than once.
        Raises ModelUnusable."""
        ...
