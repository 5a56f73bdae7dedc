"""A training that diverges, cannot write or lacks memory stops with that reason; its last good checkpoint stays."""

import errno
import math
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spar.errors import (
    SparError,
    TrainingDiskFull,
    TrainingDiverged,
    TrainingError,
    TrainingOutOfMemory,
    TrainingReadOnly,
)
from spar.messages.coordinator import FailureReason
from spar.recipes.models import DivergenceSettings, DpoSettings, LoraSettings, SftSettings
from spar.runtime.steps import NON_RETRYABLE
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import TrainJob, TrainProgress
from spar.training.disk import needed_bytes, require_space
from spar.training.faults import fault_of, kept_checkpoint, typed_faults
from spar.training.reports import Failed
from spar.training.trl_trainer import make
from tests.unit.training.processes import child_of
from tests.unit.training.rows import write_pairs, write_various_examples

DPO = DpoSettings(learning_rate=1e-3, batch_size=2, max_length=64, dtype="float32", threads=1, checkpoint_steps=2)
TYPES = (TrainingDiverged, TrainingOutOfMemory, TrainingDiskFull, TrainingReadOnly)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("logs", "what"),
    [
        ({"loss": math.nan, "grad_norm": 1.0}, "loss became nan"),
        ({"loss": math.inf, "grad_norm": 1.0}, "loss became inf"),
        ({"loss": 0.0, "grad_norm": math.nan}, "gradient norm became nan"),  # the loss as transformers' filter logs it
        ({"loss": 0.7, "grad_norm": math.inf}, "gradient norm became inf"),
        ({"loss": 201.0, "grad_norm": 1.0}, "over 100 times that of the first step"),
        ({"loss": 0.7, "rewards/margins": -1001.0}, "margin became -1001"),
        ({"loss": 0.0, "rewards/margins": 1001.0}, "margin became 1001"),
    ],
)
def test_what_diverges_is_named(logs: dict[str, float], what: str) -> None:
    from spar.training.callbacks import divergence

    assert what in (divergence(logs, 2.0, DivergenceSettings()) or "")


@pytest.mark.torch
def test_a_spike_is_no_divergence_and_bounds_can_be_lifted() -> None:
    from spar.training.callbacks import divergence

    settings = DivergenceSettings()
    assert divergence({"loss": 99.0, "grad_norm": 1e9, "rewards/margins": 999.0}, 0.01, settings) is None
    assert divergence({"loss": 1e9, "rewards/margins": 1e9}, 0.7, DivergenceSettings(loss=None, margin=None)) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), TrainingDiskFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), TrainingDiskFull),
        (OSError(errno.EFBIG, "File too large"), TrainingDiskFull),
        (RuntimeError("I/O error: No space left on device (os error 28)"), TrainingDiskFull),
        (RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed"), TrainingDiskFull),
        (PermissionError(errno.EACCES, "Permission denied"), TrainingReadOnly),
        (OSError(errno.EROFS, "Read-only file system"), TrainingReadOnly),
        (RuntimeError("I/O error: Read-only file system (os error 30)"), TrainingReadOnly),
        (MemoryError(), TrainingOutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), TrainingOutOfMemory),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), TrainingOutOfMemory),
    ],
)
def test_each_library_s_error_has_its_type(error: Exception, kind: type[SparError], tmp_path: Path) -> None:
    found = fault_of(error, tmp_path)
    assert type(found) is kind
    assert found.what
    assert found.fix
    with pytest.raises(kind), typed_faults(tmp_path):
        raise ValueError("wrapped") from error


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(KeyError), typed_faults(tmp_path):
        raise KeyError("a bug")
    with pytest.raises(ConnectionRefusedError), typed_faults(tmp_path):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    with pytest.raises(TrainingError, match="no rows") as stopped, typed_faults(tmp_path):
        raise TrainingError("no rows")
    assert type(stopped.value) is TrainingError


@pytest.mark.parametrize("kind", TYPES)
def test_a_reason_survives_the_child_and_the_report(kind: type[TrainingError]) -> None:
    error = Failed.by(kind("what", "fix")).as_error()
    assert type(error) is kind
    assert FailureReason.of(error) == kind.__name__
    assert isinstance(error, NON_RETRYABLE) == (kind is TrainingDiverged)  # the same steps would diverge again


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"), hidden=64)


def job(folder: Path, base: Path, settings: DpoSettings | SftSettings = DPO, count: int = 16) -> TrainJob:
    rows = folder / "rows.jsonl"
    write_pairs(rows, count) if isinstance(settings, DpoSettings) else write_various_examples(rows, count)
    return TrainJob(
        base=base, rows=rows, settings=settings, seed=3, output=folder / "out" / "model", work=folder / "work"
    )


async def stopped(job: TrainJob, kind: type[TrainingError]) -> TrainingError:
    """How the training ended: by this type, with a fix, without any model."""
    with pytest.raises(kind) as error:
        await make().train(job, ignore)
    assert type(error.value) is kind
    assert error.value.fix
    assert not job.output.exists()
    assert [path.name for path in job.output.parent.glob("*")] == []
    return error.value


def ignore(_: TrainProgress) -> None:
    pass


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """For this process and its children: a write beyond it fails as one on a full disk does, with another number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.torch
@pytest.mark.parametrize("method", [DPO, SftSettings(batch_size=2, max_length=64, dtype="float32", threads=1)])
async def test_an_absurd_learning_rate_stops_as_diverged(
    base: Path, tmp_path: Path, method: DpoSettings | SftSettings
) -> None:
    wild = method.model_copy(update={"learning_rate": 1e6, "warmup": 0.0, "checkpoint_steps": 1})
    this = job(tmp_path, base, wild)
    error = await stopped(this, TrainingDiverged)
    kept = kept_checkpoint(this.work)
    assert kept is None or str(kept) in error.what
    assert all("nan" not in path.read_text() for path in this.work.glob("checkpoints/*/trainer_state.json"))


@pytest.mark.torch
async def test_a_full_disk_stops_the_training_and_freed_it_resumes(base: Path, tmp_path: Path) -> None:
    this = job(tmp_path, base)
    weights = (base / "model.safetensors").stat().st_size
    with file_size_limit(weights // 2):
        error = await stopped(this, TrainingDiskFull)
    assert "cannot write" in error.what
    assert kept_checkpoint(this.work) is None
    outcome = await make().train(this, ignore)
    assert outcome.steps == 8
    assert this.output.is_dir()


@pytest.mark.torch
async def test_a_disk_that_fills_up_later_keeps_and_names_the_last_checkpoint(base: Path, tmp_path: Path) -> None:
    this = job(tmp_path, base)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(progress: TrainProgress) -> None:
        if progress.step == 3:  # a checkpoint is there: from now on no file of the child can grow
            resource.prlimit(child_of(this), resource.RLIMIT_FSIZE, (1000, before[1]))

    with pytest.raises(TrainingDiskFull) as error:
        await make().train(this, fill)
    kept = kept_checkpoint(this.work)
    assert kept is not None
    assert str(kept) in error.value.what
    assert not this.output.exists()
    outcome = await make().train(this, ignore)
    assert outcome.resumed_from == int(kept.name.rpartition("-")[2])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_folder_stops_before_anything_starts(base: Path, tmp_path: Path) -> None:
    this = job(tmp_path, base)
    this.work.mkdir()
    this.work.chmod(0o555)
    await stopped(this, TrainingReadOnly)


async def test_a_disk_without_room_is_refused_before_torch_is_loaded(base: Path, tmp_path: Path) -> None:
    this = job(tmp_path, base)
    this.work.mkdir()
    size = (base / "model.safetensors").stat().st_size
    needed = needed_bytes(this, 16)
    assert 3 * 3 * size < needed + 3 * 12 * 4096 < 12 * size  # three states of weights and two moments, and the model
    require_space(this, 16, free=lambda _: needed)
    with pytest.raises(TrainingDiskFull, match=f"{needed:,} bytes"):
        require_space(this, 16, free=lambda _: needed - 1)
    few = job(tmp_path, base, DPO.model_copy(update={"checkpoint_steps": 100}))
    assert needed_bytes(few, 16) == size
    adapter = job(tmp_path, base, DPO.model_copy(update={"lora": LoraSettings(rank=2, merge=False)}))
    assert 0 < needed_bytes(adapter, 16) < needed


async def test_a_bug_of_the_writer_leaves_no_half_model(tmp_path: Path) -> None:
    from spar.training.base import TrainOutcome
    from spar.training.workspace import Workspace

    (tmp_path / "base").mkdir()
    (tmp_path / "work").mkdir()
    this = job(tmp_path, tmp_path / "base")

    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainingDiskFull), typed_faults(this.work):
        Workspace(this).publish(
            write, TrainOutcome(samples=1, too_long=0, steps=1, tokens=1, seconds=0.0, loss=0.1, resumed_from=0)
        )
    assert list(this.output.parent.iterdir()) == []
