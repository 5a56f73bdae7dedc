"""Several processes train one model as one process would; what is asked of `accelerate launch`."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from spar.errors import TrainingError
from spar.recipes.models import DpoSettings, LaunchSettings, SftSettings
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import TrainJob, TrainProgress
from spar.training.jobs import accumulation_steps, micro_batch_size
from spar.training.launch import child_command, config_path, is_launched
from spar.training.trl_trainer import make
from tests.unit.training.rows import write_pairs

DPO = DpoSettings(learning_rate=1e-3, batch_size=4, max_length=64, dtype="float32", threads=1, checkpoint_steps=2)
TWO = LaunchSettings(processes=2)


def job(folder: Path, base: Path, settings: DpoSettings | SftSettings = DPO) -> TrainJob:
    rows = folder / "rows.jsonl"
    return TrainJob(base=base, rows=rows, settings=settings, seed=3, output=folder / "model", work=folder / "work")


def changed(settings: DpoSettings, **values: object) -> DpoSettings:
    return DpoSettings.model_validate({**settings.model_dump(), **values})


def test_one_process_is_a_plain_child(tmp_path: Path) -> None:
    assert not is_launched(DPO)
    assert child_command(job(tmp_path, tmp_path), "{}")[1:] == ["-m", "spar.training.child", "{}"]


def test_several_are_launched_and_share_the_batch(tmp_path: Path) -> None:
    settings = changed(DPO, batch_size=32, micro_batch_size=2, launch=LaunchSettings(processes=4, config="fsdp"))
    this = job(tmp_path, tmp_path, settings)
    assert micro_batch_size(this) * accumulation_steps(this) * settings.launch.processes == 32
    command = child_command(this, "{}")
    assert f"--config_file={config_path(settings.launch)}" in command
    assert {"--num_processes=4", "--gradient_accumulation_steps=4", "--mixed_precision=no"} < set(command)
    assert command[-2:] == ["spar.training.child", "{}"]


def test_a_batch_must_divide_among_the_processes(tmp_path: Path) -> None:
    this = job(tmp_path, tmp_path, changed(DPO, launch=LaunchSettings(processes=3)))
    with pytest.raises(TrainingError, match=r"batch_size 4 is not a multiple of launch\.processes 3"):
        micro_batch_size(this)


@pytest.mark.parametrize("name", ["fsdp", "zero3", "zero3-offload"])
def test_our_files_are_what_this_accelerate_reads(name: str) -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.config.config_args import load_config_from_file

    path = config_path(LaunchSettings(config=name))
    assert load_config_from_file(str(path)).distributed_type.value == ("FSDP" if name == "fsdp" else "DEEPSPEED")


def test_our_files_are_those_of_deploy() -> None:
    for name in ("fsdp", "zero3", "zero3-offload"):
        here = config_path(LaunchSettings(config=name))
        assert (Path("deploy/accelerate") / f"{name}.yaml").resolve() == here.resolve()


def test_a_file_of_the_users_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"distributed_type": "FSDP"}))
    settings = changed(DPO, launch=LaunchSettings(processes=2, config=str(path)))
    assert f"--config_file={path}" in child_command(job(tmp_path, tmp_path, settings), "{}")


@pytest.mark.torch
async def test_two_processes_train_like_one(tmp_path: Path) -> None:
    """Gloo on the CPU: the same losses step by step, the same counts, the same weights but for rounding."""
    from safetensors.torch import load_file

    base = make_tiny_model(tmp_path / "base")
    runs: dict[int, tuple[list[TrainProgress], Path]] = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        write_pairs(folder / "rows.jsonl", 12)
        this = job(folder, base, changed(DPO, launch=LaunchSettings(processes=processes), micro_batch_size=2))
        seen: list[TrainProgress] = []
        outcome = await make().train(this, seen.append)
        assert (outcome.samples, outcome.steps, outcome.tokens) == (12, 3, seen[-1].tokens)
        runs[processes] = (seen, this.output)
    (one, first), (two, second) = runs[1], runs[2]
    assert [progress.tokens for progress in two] == [progress.tokens for progress in one]
    assert [progress.loss for progress in two] == pytest.approx([progress.loss for progress in one], rel=1e-3)
    old, new = (load_file(folder / "model.safetensors") for folder in (first, second))
    assert all(new[name].allclose(old[name], atol=1e-5) for name in old)


@pytest.mark.torch
async def test_a_division_without_gpus_is_refused(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    write_pairs(tmp_path / "rows.jsonl", 4)
    settings = changed(DPO, launch=LaunchSettings(processes=2, config="fsdp"))
    with pytest.raises(TrainingError, match="sees no GPU"):
        await make().train(job(tmp_path, base, settings), lambda _: None)


@pytest.mark.torch
async def test_ranks_do_not_outlive_their_launcher_and_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    write_pairs(tmp_path / "rows.jsonl", 100)
    this = job(tmp_path, base, changed(DPO, launch=TWO, micro_batch_size=2))
    ranks: list[int] = []

    def kill_the_launcher(progress: TrainProgress) -> None:
        if progress.step == 5:
            ranks.extend(_children_of_launchers(this))
            os.kill(_parent(ranks[0]), signal.SIGKILL)

    with pytest.raises(TrainingError, match="exit code 137"):
        await make().train(this, kill_the_launcher)
    assert len(ranks) == 2
    assert not any(_alive(pid) for pid in ranks)
    outcome = await make().train(replace(this), lambda _: None)
    assert outcome.resumed_from >= 4
    assert outcome.steps == 25


def _children_of_launchers(this: TrainJob) -> list[int]:
    """Ranks of this job: processes with its folder in their command line and a RANK in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(this.work).encode() in command and b"\0RANK=" in b"\0" + environment:
            found.append(int(folder.name))
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _alive(pid: int) -> bool:
    """Zombies have ended: whoever adopted them has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
