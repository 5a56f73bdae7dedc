"""The arguments of TRL's trainers that both methods share, from the job's settings.

Loads torch: imported only by the trainer's child.
"""

from typing import Any

import torch

from spar.lora import is_adapter
from spar.training.base import TrainJob
from spar.training.disk import KEPT
from spar.training.jobs import accumulation_steps, micro_batch_size
from spar.training.workspace import Workspace

_SCHEDULES = {"linear": "linear", "constant": "constant_with_warmup", "cosine": "cosine"}


NUMPY_SEEDS = 2**32
"""The trainer also seeds NumPy, which takes no larger seed; ours have 63 bits."""


def common_arguments(job: TrainJob, workspace: Workspace) -> dict[str, Any]:
    """Keyword arguments for TRL's configs: DPOConfig and SFTConfig share transformers' TrainingArguments."""
    settings = job.settings
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(workspace.checkpoints),
        "per_device_train_batch_size": micro_batch_size(job),
        "gradient_accumulation_steps": accumulation_steps(job),
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": _SCHEDULES[settings.schedule],
        "warmup_steps": min(settings.warmup, 0.9999999),  # below 1: a share of all steps; from 1: a number of steps
        "bf16": settings.dtype == "bfloat16",
        "gradient_checkpointing": settings.gradient_checkpointing,
        "seed": job.seed % NUMPY_SEEDS,
        "data_seed": job.seed % NUMPY_SEEDS,
        "full_determinism": not on_gpu,  # free on a CPU, halves the speed on a GPU
        "use_cpu": not on_gpu,
        "logging_steps": 1,  # for progress, and for the loss over all steps however often it is resumed
        "logging_nan_inf_filter": False,  # on by default, it logs a NaN as 0.0
        "save_strategy": "steps",
        "save_steps": settings.checkpoint_steps,
        "save_total_limit": KEPT,
        "include_num_input_tokens_seen": "non_padding",
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


def lora_config(job: TrainJob) -> Any:
    """The configuration of a new adapter; None for full training, and for an adapter that is trained further."""
    settings = job.settings.lora
    if settings is None or is_adapter(job.base):
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
