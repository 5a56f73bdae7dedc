"""DPO with a share of NLL on the chosen response (arXiv 2412.11605, section 2.3), by TRL.

The reference is the base model as it is before the first step; its log-probabilities are computed once, before any
checkpoint is loaded, so a resumed training has the same reference. Loads torch: the trainer's child only.
"""

from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from spar.recipes.models import DpoSettings
from spar.training.arguments import common_arguments, lora_config
from spar.training.base import TrainJob
from spar.training.tokenize import PairIds, Tokenizer
from spar.training.workspace import Workspace


class _TokenizedDpoTrainer(DPOTrainer):  # type: ignore[misc]  # TRL ships no types we follow
    """TRL's trainer, given ids: it has no option to leave data alone, and its own tokenization may shift tokens."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def dpo_trainer(
    job: TrainJob, workspace: Workspace, model: Any, tokenizer: Tokenizer, pairs: list[PairIds]
) -> DPOTrainer:
    settings = job.settings
    assert isinstance(settings, DpoSettings)
    with_nll = settings.nll_weight > 0
    config = DPOConfig(
        **common_arguments(job, workspace),
        loss_type=["sigmoid", "sft"] if with_nll else ["sigmoid"],
        loss_weights=[1.0, settings.nll_weight] if with_nll else [1.0],
        beta=settings.beta,
        max_length=None,  # too long has been counted and left out; TRL would truncate without a word
        precompute_ref_log_probs=True,
        disable_dropout=settings.lora is None or settings.lora.dropout == 0,
    )
    rows = Dataset.from_dict(
        {
            "prompt_ids": [pair.prompt_ids for pair in pairs],
            "chosen_ids": [pair.chosen_ids for pair in pairs],
            "rejected_ids": [pair.rejected_ids for pair in pairs],
        }
    )
    return _TokenizedDpoTrainer(
        model=model,
        args=config,
        train_dataset=rows,
        processing_class=tokenizer.hf,
        peft_config=lora_config(settings.lora),
    )
