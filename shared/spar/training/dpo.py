"""DPO with a share of NLL on the chosen response (arXiv 2412.11605, section 2.3), by TRL.

The reference is the base model as it is before the first step; its log-probabilities are computed once, before any
checkpoint is loaded, so a resumed training has the same reference. Loads torch: the trainer's child only.
"""

from typing import Any

from datasets import Dataset, load_from_disk
from trl import DPOConfig, DPOTrainer

from spar.recipes.models import DpoSettings
from spar.training.arguments import common_arguments, lora_config
from spar.training.base import TrainJob
from spar.training.tokenize import Tokenizer
from spar.training.weights import load_base
from spar.training.workspace import Workspace


class _TokenizedDpoTrainer(DPOTrainer):  # type: ignore[misc]  # TRL ships no types we follow
    """TRL's trainer, given ids: it has no option to leave data alone, and its own tokenization may shift tokens."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def dpo_trainer(job: TrainJob, settings: DpoSettings, workspace: Workspace) -> DPOTrainer:
    """Of an adapter that is trained on, the reference is a frozen copy of it, which TRL makes."""
    with_nll = settings.nll_weight > 0
    # First the arguments: they join the process group, and DeepSpeed divides what is loaded after it was told how.
    config = DPOConfig(
        **common_arguments(job, workspace),
        loss_type=["sigmoid", "sft"] if with_nll else ["sigmoid"],
        loss_weights=[1.0, settings.nll_weight] if with_nll else [1.0],
        beta=settings.beta,
        max_length=None,  # too long has been counted and left out; TRL would truncate without a word
        precompute_ref_log_probs=True,
        disable_dropout=settings.lora is None or settings.lora.dropout == 0,
    )
    trainer = _TokenizedDpoTrainer(
        model=load_base(job),
        args=config,
        train_dataset=load_from_disk(str(workspace.rows)),
        processing_class=Tokenizer(job.base).hf,
        peft_config=lora_config(job),
    )
    if "ref" in getattr(trainer.model, "peft_config", {}):
        # It has done its work in the log-probabilities. In a checkpoint it would hide the adapter that is trained:
        # transformers' resume loads an adapter from each sub-folder and then leaves out the one beside them.
        trainer.model.delete_adapter("ref")
    return trainer
