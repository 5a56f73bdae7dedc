"""Typed causes of stopped trainings: libraries report a full disk or exhausted memory in a dozen ways.

Python raises OSError with a number; safetensors and torch's file writers, in Rust and C++, put it into a text or drop
it. Standard library only.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spar.errors import (
    SparError,
    TrainingDiskFull,
    TrainingDiverged,
    TrainingError,
    TrainingOutOfMemory,
    TrainingReadOnly,
)

MARKER = "COMPLETE"
"""A file in each complete checkpoint."""

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_READ_ONLY = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))
_NUMBER = re.compile(r"os error (\d+)|\[Errno (\d+)\]")  # as Rust's and Python's errors print it
_TORCH_WRITER = re.compile(r"PytorchStreamWriter failed|inline_container|iostream error|basic_ios::clear")
_NO_MEMORY = re.compile(r"CUDA out of memory|can't allocate memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)
_STOPS = (TrainingDiverged, TrainingOutOfMemory, TrainingDiskFull, TrainingReadOnly)
_PROBE_BYTES = 1 << 20  # enough to reach the disk, too little to fill one

FREE = "Free space there, raise the quota, or move the folder; then resume: it continues from its last checkpoint."
WRITABLE = "Mount the folder writable, or give the trainer's user write access; then resume."
LESS_MEMORY = (
    "Lower training.*.micro_batch_size or max_length, set gradient_checkpointing, train with lora, or shard the model "
    "over more GPUs (launch); `spar plan` computes what each part needs."
)


@contextmanager
def typed_faults(folder: Path) -> Iterator[None]:
    """Turns disk and memory errors into TrainingErrors that name the last good checkpoint of `folder`."""
    try:
        yield
    except Exception as error:
        fault = error if isinstance(error, _STOPS) else fault_of(error, folder)
        if fault is None:
            raise
        kept = kept_checkpoint(folder)
        note = "" if kept is None or str(kept) in fault.what else f" The last good checkpoint is kept: {kept}."
        raise type(fault)(f"{fault.what}{note}", fault.fix) from error


def fault_of(error: BaseException, folder: Path) -> TrainingError | None:
    """The fault behind a library's error; None if it is neither of disk nor of memory."""
    if isinstance(error, SparError):
        return None
    chain = list(_chain(error))
    if any(isinstance(each, MemoryError) or _is_out_of_memory(each) for each in chain):
        return TrainingOutOfMemory(f"The training ran out of memory: {_first_line(error)}.", LESS_MEMORY)
    numbers = [number for each in chain if (number := _error_number(each)) is not None]
    if not numbers and any(_TORCH_WRITER.search(str(each)) for each in chain):
        numbers = [_probed(folder) or errno.ENOSPC]  # the number is lost; mostly the disk is full
    for number in numbers:
        if number in _FULL:
            return TrainingDiskFull(f"The training cannot write to {folder}: {os.strerror(number)}.", FREE)
        if number in _READ_ONLY:
            return TrainingReadOnly(f"The training cannot write to {folder}: {os.strerror(number)}.", WRITABLE)
    return None


def kept_checkpoint(work: Path) -> Path | None:
    """The newest complete checkpoint in a job's folder."""
    found = {
        int(path.parent.name.rpartition("-")[2]): path.parent
        for path in work.glob(f"checkpoints/checkpoint-*/{MARKER}")
    }
    return found[max(found)] if found else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _is_out_of_memory(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
    )


def _error_number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found[1] or found[2]) if found else None


def _probed(folder: Path) -> int | None:
    """The number of the error from writing to the folder, if it fails."""
    probe = folder / f".probe.{os.getpid()}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:300] or type(error).__name__
