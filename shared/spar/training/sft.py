"""Supervised fine-tuning with loss on every assistant turn, by TRL; over a model's own data it is RFT.

Loads torch: the trainer's child only.
"""

from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from spar.recipes.models import SftSettings
from spar.training.arguments import common_arguments, lora_config
from spar.training.base import TrainJob
from spar.training.tokenize import Tokenizer, Turns
from spar.training.workspace import Workspace


def sft_trainer(
    job: TrainJob, workspace: Workspace, model: Any, tokenizer: Tokenizer, examples: list[Turns]
) -> SFTTrainer:
    """With `packing`, a "sample" of batch_size is a row of up to max_length tokens packed from several examples."""
    settings = job.settings
    assert isinstance(settings, SftSettings)
    config = SFTConfig(
        **common_arguments(job, workspace),
        packing=settings.packing,
        max_length=settings.max_length if settings.packing else None,  # None: TRL truncates nothing
        # Our ids and labels are final; only packing needs TRL's preparation, which leaves both as they are.
        dataset_kwargs=None if settings.packing else {"skip_prepare_dataset": True},
    )
    rows = Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
        }
    )
    return SFTTrainer(
        model=model,
        args=config,
        train_dataset=rows,
        processing_class=tokenizer.hf,
        peft_config=lora_config(settings.lora),
    )
