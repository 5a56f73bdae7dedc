"""Supervised fine-tuning with loss on every assistant turn, by TRL; over a model's own data it is RFT.

Loads torch: the trainer's child only.
"""

from collections.abc import Iterator
from typing import Any

import torch
from datasets import load_from_disk
from trl import SFTConfig, SFTTrainer

from spar.recipes.models import SftSettings
from spar.training.arguments import common_arguments, lora_config
from spar.training.base import TrainJob
from spar.training.filled_rows import own_rows
from spar.training.tokenize import Tokenizer
from spar.training.weights import load_base
from spar.training.workspace import Workspace

UNLEARNED = -100
"""A label that torch's losses ignore."""


class TokenwiseSftTrainer(SFTTrainer):  # type: ignore[misc]  # TRL ships no types we follow
    """TRL's trainer; its loss is the mean over the trained tokens of an optimizer step, without padding rows."""

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | int | None]:
        batches, tokens = super().get_batch_samples(epoch_iterator, num_batches, device)
        rows = len(batches[-1]["labels"]) if batches else 0
        own = own_rows(self.accelerator, rows)
        if self.accelerator.num_processes == 1 or self.args.packing:
            return batches, tokens
        if own < rows:
            batches[-1]["labels"][own:] = UNLEARNED
        return batches, self._get_num_items_in_batch(batches, device)


def sft_trainer(job: TrainJob, settings: SftSettings, workspace: Workspace) -> SFTTrainer:
    """With `packing`, a "sample" of batch_size is a row of up to max_length tokens packed from several examples."""
    # The arguments come first: they join the process group, and DeepSpeed shards only what is loaded after its set-up.
    config = SFTConfig(
        **common_arguments(job, workspace),
        packing=settings.packing,
        max_length=settings.max_length if settings.packing else None,  # None: TRL truncates nothing
        # Our ids and labels are final; only packing needs TRL's preparation, which leaves both as they are.
        dataset_kwargs=None if settings.packing else {"skip_prepare_dataset": True},
    )
    return TokenwiseSftTrainer(
        model=load_base(job),
        args=config,
        train_dataset=load_from_disk(str(workspace.rows)),
        processing_class=Tokenizer(job.base).hf,
        peft_config=lora_config(job),
    )
