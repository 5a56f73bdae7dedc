"""Training jobs as files: a job as JSON, its rows as JSON lines, and what makes two jobs the same.

Standard library and pydantic only, since the simulated trainer and the trainer's child both use it. Knows no model
library.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from spar.checkpoints.headers import check_adapter_weights, check_weights
from spar.errors import DataError, ModelUnusable, TrainingError
from spar.lora import adapter_config, base_folder, is_adapter
from spar.method.records import Example, Pair
from spar.recipes.models import DpoSettings
from spar.training.base import TrainJob, TrainOutcome

Row = TypeVar("Row")

JOBS = TypeAdapter(TrainJob)
OUTCOMES = TypeAdapter(TrainOutcome)
_PAIRS = TypeAdapter(Pair)
_EXAMPLES = TypeAdapter(Example)

_SAMPLE = 1 << 16  # bytes read from each end of a large file: enough to distinguish two sets of weights


def read_rows(job: TrainJob) -> list[Pair] | list[Example]:
    """The job's rows, as pairs for DPO and as examples for SFT. Raises TrainingError if there are none."""
    is_dpo = isinstance(job.settings, DpoSettings)
    rows = list(_parsed(job.rows, _PAIRS)) if is_dpo else list(_parsed(job.rows, _EXAMPLES))
    if not rows:
        raise TrainingError("There are no rows to train on.", "Skip this training, or select more data for it.")
    return rows


def _parsed(path: Path, adapter: TypeAdapter[Row]) -> Iterator[Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield adapter.validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"]) or "line"
                raise DataError(
                    f"{path}, line {number}: {place}: {first['msg']}.",
                    "Each line must be one training row as JSON; rewrite the file.",
                ) from None


def without_too_long(rows: Iterable[Row], lengths: Iterable[int], max_length: int) -> list[Row]:
    """The rows that fit. Raises TrainingError if there is nothing to train on."""
    measured = list(zip(rows, lengths, strict=True))
    if not measured:
        raise TrainingError("There are no rows to train on.", "Skip this training, or select more data for it.")
    kept = [row for row, length in measured if length <= max_length]
    if not kept:
        shortest = min(length for _, length in measured)
        raise TrainingError(
            f"All {len(measured)} rows are longer than max_length {max_length} (the shortest has {shortest} tokens).",
            "Raise max_length in this training's settings.",
        )
    return kept


def require_weights(base: Path) -> None:
    """ModelUnusable unless `base` is a whole model in safetensors, or an adapter on one."""
    if is_adapter(base):
        whole = base_folder(base)
        if not (base / "adapter_model.safetensors").is_file():
            raise ModelUnusable(f"The adapter {base} has no weights.", "Save it as safetensors with peft again.")
    else:
        whole = base
    if not (whole / "config.json").is_file() or not any(whole.glob("*.safetensors")):
        raise ModelUnusable(
            f"{whole} has no model: config.json and *.safetensors are needed.",
            "Point the recipe at a whole model directory, with its weights as safetensors.",
        )
    check_weights(whole)
    if whole is not base:
        check_adapter_weights(base, whole)


def require_lora(job: TrainJob) -> None:
    """TrainingError if the base is an adapter that these settings cannot train further."""
    if not is_adapter(job.base):
        return
    lora, config = job.settings.lora, adapter_config(job.base)
    if lora is None:
        raise TrainingError(
            f"The base {job.base} is an adapter, but this training changes all weights.",
            "Set lora in this training's settings, or start from a whole model.",
        )
    kept = (
        ("rank", lora.rank, "r", None),
        ("alpha", lora.alpha, "lora_alpha", 8),
        ("dropout", lora.dropout, "lora_dropout", 0),
    )
    for name, wanted, key, default in kept:
        if (found := config.get(key, default)) != wanted:
            raise TrainingError(
                f"The base {job.base} is an adapter with {name} {found}, but lora.{name} is {wanted}.",
                f"Set lora.{name} to {found}: an adapter keeps its {name} when it is trained further.",
            )


def micro_batch_size(job: TrainJob) -> int:
    """Samples per forward pass of one process. Raises TrainingError if the batch cannot be divided evenly."""
    batch, processes = job.settings.batch_size, job.settings.launch.processes
    if batch % processes:
        raise TrainingError(
            f"batch_size {batch} is not a multiple of launch.processes {processes}.",
            "Choose a number of processes that divides batch_size.",
        )
    micro = job.settings.micro_batch_size or batch // processes
    if batch // processes % micro:
        share = f", divided by {processes} processes," if processes > 1 else ""
        raise TrainingError(
            f"batch_size {batch}{share} is not a multiple of micro_batch_size {micro}.",
            "Choose a micro_batch_size that divides batch_size.",
        )
    return micro


def accumulation_steps(job: TrainJob) -> int:
    """Forward passes of one process per optimizer step: batch_size = micro batch x these x processes."""
    return job.settings.batch_size // job.settings.launch.processes // micro_batch_size(job)


def identity(job: TrainJob) -> str:
    """Hash of everything that determines the trained weights: base, rows, settings, seed; not their paths."""
    digest = hashlib.sha256(job.settings.model_dump_json().encode())
    digest.update(f"\n{job.seed}\n".encode())
    for file in [job.rows, *sorted(path for path in job.base.iterdir() if path.is_file())]:
        digest.update(f"{file.name if file.parent == job.base else ''} {_sampled(file)}\n".encode())
    return digest.hexdigest()


def _sampled(file: Path) -> str:
    """Hash of a file; of a large one, of its size and both ends (weights: header and last layer)."""
    size = file.stat().st_size
    with file.open("rb") as content:
        if size <= 1 << 24:
            return hashlib.file_digest(content, "sha256").hexdigest()
        digest = hashlib.sha256(f"{size}\n".encode() + content.read(_SAMPLE))
        content.seek(-_SAMPLE, 2)
        digest.update(content.read())
    return digest.hexdigest()
