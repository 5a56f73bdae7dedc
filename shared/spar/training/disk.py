"""The disk space that a training needs, checked before anything is loaded.

Computed from the headers of the base's files. Texts and logs are ignored, being tiny beside weights.
"""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from spar.checkpoints.headers import read_headers
from spar.errors import TrainingDiskFull
from spar.lora import base_folder, is_adapter
from spar.training.base import TrainJob

KEPT = 2
"""Checkpoints to keep: the newest may be incomplete after a kill."""
_STATE_BYTES = 12  # a parameter in a checkpoint: itself and Adam's two moments, in float32
_ADAPTER_BYTES = 4  # a parameter of an adapter, which is held in float32

_IN_A_LAYER = re.compile(r"\.\d+\.")  # lora adapts the linear maps of layers, not the embeddings


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def needed_bytes(job: TrainJob, samples: int) -> int:
    """The maximum at any time: the kept checkpoints, one being written, and the model."""
    trained = _trained_parameters(job)
    steps = math.ceil(samples / job.settings.batch_size) * job.settings.epochs
    checkpoints = min(max(0, steps - 1) // job.settings.checkpoint_steps, KEPT + 1)
    lora = job.settings.lora
    adapter = 0 if lora is None else _ADAPTER_BYTES * trained
    whole = _stored_bytes(_whole(job.base)) if lora is None or lora.merge else 0
    return checkpoints * _STATE_BYTES * trained + whole + adapter


def require_space(job: TrainJob, samples: int, free: Callable[[Path], int] = free_bytes) -> None:
    """Raises TrainingDiskFull if the job's disk lacks space; an earlier attempt's checkpoints count as free space."""
    needed, there = needed_bytes(job, samples), free(job.work) + _written(job.work / "checkpoints")
    if needed > there:
        raise TrainingDiskFull(
            f"The training will write up to {needed:,} bytes in {job.work} (model, optimizer, {KEPT} checkpoints kept "
            f"and one being written), but {there:,} are free.",
            "Free space there or move the worker's folder to a larger disk; or train with lora, or raise "
            "checkpoint_steps so that fewer checkpoints are written.",
        )


def _trained_parameters(job: TrainJob) -> int:
    lora = job.settings.lora
    if is_adapter(job.base):
        return sum(math.prod(shape) for _, shape in _shapes(job.base))
    shapes = list(_shapes(job.base))
    if lora is None:
        return sum(math.prod(shape) for _, shape in shapes)
    return sum(lora.rank * sum(shape) for name, shape in shapes if len(shape) == 2 and _IN_A_LAYER.search(name))


def _shapes(folder: Path) -> list[tuple[str, list[int]]]:
    return [(name, list(tensor["shape"])) for name, tensor in read_headers(folder).items()]


def _stored_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _whole(base: Path) -> Path:
    return base_folder(base) if is_adapter(base) else base


def _written(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
