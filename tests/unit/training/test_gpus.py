"""A training holds the GPUs it uses, and waits for them."""

import asyncio
from pathlib import Path

import pytest

from services.training.training import training_gpus
from spar.engines.gpu_claims import claim, holders
from spar.engines.gpu_host import GpuHost
from spar.recipes.models import DpoSettings, LaunchSettings
from spar.training.base import TrainJob
from spar.training.environment import child_environment, ignored_variables

TWO = DpoSettings(launch=LaunchSettings(processes=2))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GpuHost:
    monkeypatch.setenv("SPAR_GPUS", "GPU-a,GPU-b")
    monkeypatch.setenv("SPAR_GPU_LOCK_DIR", str(tmp_path))
    return GpuHost(("GPU-a", "GPU-b"), tmp_path)


async def test_one_per_process_held_while_it_trains(host: GpuHost) -> None:
    async with training_gpus(TWO) as gpus:
        assert gpus == host.uuids
        assert set(holders(host)) == {"GPU-a", "GPU-b"}
    assert holders(host) == {}


async def test_it_waits_for_an_engine_to_let_go(host: GpuHost) -> None:
    async def train() -> tuple[str, ...]:
        async with training_gpus(DpoSettings()) as gpus:
            return gpus

    async with claim(2, "engine", host):
        training = asyncio.create_task(train())
        done, _ = await asyncio.wait([training], timeout=0.8)
        assert not done
    assert await asyncio.wait_for(training, 10) == ("GPU-a",)


async def test_without_gpus_it_trains_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_GPUS", "")
    async with training_gpus(TWO) as gpus:
        assert gpus == ()


def test_the_child_sees_what_was_claimed(tmp_path: Path) -> None:
    job = TrainJob(
        base=tmp_path,
        rows=tmp_path,
        settings=DpoSettings(),
        seed=0,
        output=tmp_path,
        work=tmp_path,
        gpus=("GPU-a", "GPU-b"),
    )
    assert child_environment(job)["CUDA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"


def test_settings_of_a_training_come_from_the_recipe_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_FSDP", "FSDP_VERSION", "PARALLELISM_CONFIG_TP_SIZE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")
    job = TrainJob(
        base=tmp_path, rows=tmp_path, settings=DpoSettings(), seed=0, output=tmp_path / "out", work=tmp_path / "work"
    )
    assert not {"ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_FSDP", "MASTER_ADDR"} & child_environment(job).keys()
    assert {"ACCELERATE_MIXED_PRECISION", "FSDP_VERSION", "PARALLELISM_CONFIG_TP_SIZE"} <= set(ignored_variables())


@pytest.mark.parametrize(
    "name",
    [
        *("DEEPSPEED_USE_HPU", "TRANSFORMERS_DISABLE_TORCH_CHECK", "NVIDIA_TF32_OVERRIDE", "USE_TORCH_XLA"),
        *("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALRANKID", "TORCHELASTIC_RUN_ID", "NODE_RANK"),
    ],
)
def test_what_a_host_or_a_launcher_sets_does_not_reach_the_child(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "4")
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "error")
    environment = child_environment(
        TrainJob(
            base=tmp_path,
            rows=tmp_path,
            settings=DpoSettings(),
            seed=0,
            output=tmp_path / "out",
            work=tmp_path / "work",
        )
    )
    assert name not in environment
    assert (environment["TRANSFORMERS_VERBOSITY"], environment["TRANSFORMERS_OFFLINE"]) == ("error", "1")
