"""The command that starts a trainer's child: a single process, or several by `accelerate launch`.

Pure except for checking whether DeepSpeed is installed. Knows nothing of what the processes do.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import yaml

from spar.errors import TrainingError
from spar.recipes.models import LaunchSettings, TrainingSettings
from spar.recipes.paths import LAUNCH_CONFIGS
from spar.training.base import TrainJob
from spar.training.jobs import accumulation_steps

MODULE = "spar.training.child"
_CONFIGS = Path(__file__).with_name("accelerate")


def is_launched(settings: TrainingSettings) -> bool:
    return settings.launch.processes > 1 or settings.launch.config != "none"


def child_command(job: TrainJob, job_json: str) -> list[str]:
    """A plain child for one process that holds the whole model; otherwise `accelerate launch`."""
    if not is_launched(job.settings):
        return [sys.executable, "-m", MODULE, job_json]
    launch = job.settings.launch
    return [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        *_division(launch),
        f"--num_processes={launch.processes}",
        "--num_machines=1",
        "--main_process_port=0",  # any free port: two trainings may share a host
        f"--mixed_precision={'bf16' if job.settings.dtype == 'bfloat16' else 'no'}",
        f"--num_cpu_threads_per_process={job.settings.threads or 1}",
        f"--gradient_accumulation_steps={accumulation_steps(job)}",  # only DeepSpeed needs it here
        "--module",
        MODULE,
        job_json,
    ]


def _division(launch: LaunchSettings) -> list[str]:
    if launch.config == "none":
        return ["--multi_gpu"]  # also without GPUs: it starts one process per rank
    path = config_path(launch)
    kind = yaml.safe_load(path.read_text()).get("distributed_type")
    if kind == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise TrainingError(
            f"training.launch.config is {launch.config}, but DeepSpeed is not installed.",
            "Install deepspeed into the trainer's environment, or use launch.config fsdp.",
        )
    return [f"--config_file={path}"]


def config_path(launch: LaunchSettings) -> Path:
    """The configuration file of `launch.config`, unless that is `none`."""
    ours = launch.config in LAUNCH_CONFIGS
    return _CONFIGS / f"{launch.config}.yaml" if ours else Path(launch.config)
