"""The environment of a training: its settings decide how it trains, not what a shell or a host happens to set.

accelerate and transformers take from variables what no argument gives them: ACCELERATE_MIXED_PRECISION=bf16 makes a
float32 training one in bfloat16. Such variables do not reach a trainer's child, and are put aside while this process
trains. Standard library only.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from spar.training.base import TrainJob
from spar.training.launch import is_launched

LAUNCH_SCRATCH = "launch"
"""Temporary files of `accelerate launch` in the job's folder; its first rank empties the other scratch folder."""

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
# glibc gives freed tensors back to the kernel and fetches them again each step; keeping them took DPO of the tiny
# model from 7.9 to 3.2 CPU-seconds. A child ends with its training, so nothing is kept long.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}

# Our own process may have been launched, by torchrun, MPI or a job of a cluster; the child is not, unless
# `spar.training.launch` does it.
_OF_LAUNCHERS = frozenset(
    (
        *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
        *("NODE_RANK", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE"),
    )
)
_LAUNCHERS = ("PMI_", "PMIX_", "OMPI_COMM_WORLD_", "MV2_COMM_WORLD_", "MPI_LOCAL", "TORCHELASTIC_", "SMDATAPARALLEL_")
"""Prefixes of what MPI and others set; accelerate takes the number of processes from them too."""
_SETTINGS = (
    *("ACCELERATE_", "FSDP_", "PARALLELISM_CONFIG_", "FP8_", "MEGATRON_LM_"),
    *("DEEPSPEED_", "DS_", "TRANSFORMERS_", "TRL_", "PEFT_", "XLA_"),
)
"""Prefixes of the settings that accelerate 1.15 and the libraries around it read; `accelerate launch` sets them for its
ranks by our arguments."""
_NAMED = frozenset({"USE_TORCH_XLA", "USE_HUB_KERNELS", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"})
"""Further settings that change what is computed, or with which precision."""
_KEPT = frozenset(
    (
        *("TRANSFORMERS_OFFLINE", "TRANSFORMERS_VERBOSITY", "TRANSFORMERS_NO_ADVISORY_WARNINGS"),
        *("ACCELERATE_LOG_LEVEL", "TRL_EXPERIMENTAL_SILENCE", *_OFFLINE),
    )
)
"""What only says where files come from and how much is printed."""


def ignored_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Settings of a training that the environment holds and the child does not get."""
    return sorted(name for name in environment if _is_setting(name))


def _is_setting(name: str) -> bool:
    return name not in _KEPT and (name.startswith(_SETTINGS) or name in _NAMED)


@contextmanager
def settings_alone() -> Iterator[None]:
    """For trainings in this process: none of the variables that a child would not get, until the block ends."""
    before = {name: os.environ.pop(name) for name in _left_out()}
    try:
        yield
    finally:
        for name in _left_out():  # transformers sets some itself
            del os.environ[name]
        os.environ.update(before)


def _left_out() -> list[str]:
    launched = (name for name in os.environ if name in _OF_LAUNCHERS or name.startswith(_LAUNCHERS))
    return [*launched, *ignored_variables()]


def child_environment(job: TrainJob) -> dict[str, str]:
    """Ours, and: no network, no telemetry, no caches outside the job's folder, the recipe's precision and threads."""
    scratch = str(job.work / "scratch")
    left_out = set(_left_out())
    environment = {
        **{name: value for name, value in os.environ.items() if name not in left_out},
        **_OFFLINE,
        **_KEEP_MEMORY,
        "HF_HOME": scratch,
        "TMPDIR": str(job.work / LAUNCH_SCRATCH) if is_launched(job.settings) else scratch,
        "TQDM_DISABLE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if job.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(job.gpus)
    if job.settings.threads is not None:
        environment["OMP_NUM_THREADS"] = str(job.settings.threads)
    return environment
