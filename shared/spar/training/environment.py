"""The environment of a training: only its settings determine how it trains, not variables of a shell or a host.

accelerate and transformers read from variables what no argument sets: ACCELERATE_MIXED_PRECISION=bf16 turns a float32
training into one in bfloat16. Such variables are withheld from a trainer's child, and removed while this process
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
# By default glibc returns freed tensors to the kernel and requests them again at each step; keeping them reduced DPO of
# the tiny model from 7.9 to 3.2 CPU-seconds. A child ends with its training, so nothing is kept for long.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}

# This process may have been started by a launcher (torchrun, MPI, a cluster job); the child is not, except by
# `spar.training.launch`.
_OF_LAUNCHERS = frozenset(
    (
        *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
        *("NODE_RANK", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE"),
    )
)
_LAUNCHERS = ("PMI_", "PMIX_", "OMPI_COMM_WORLD_", "MV2_COMM_WORLD_", "MPI_LOCAL", "TORCHELASTIC_", "SMDATAPARALLEL_")
"""Prefixes of variables of MPI and others; accelerate takes the number of processes from them too."""
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
"""Variables that only affect where files come from and how much is printed."""


def ignored_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables of the environment that would affect a training and are withheld from the child."""
    return sorted(name for name in environment if _is_setting(name))


def _is_setting(name: str) -> bool:
    return name not in _KEPT and (name.startswith(_SETTINGS) or name in _NAMED)


@contextmanager
def settings_alone() -> Iterator[None]:
    """For trainings in this process: removes the variables that are withheld from a child, until the block ends."""
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
    """This process's environment, with no network, telemetry or caches outside the job's folder, and the recipe's
    precision and threads."""
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
