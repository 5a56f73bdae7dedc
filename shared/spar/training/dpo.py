"""DPO with a share of NLL on the chosen response (arXiv 2412.11605, section 2.3), by TRL.

The reference is the base model as it is before the first step; its log-probabilities are computed once, before any
checkpoint is loaded, so a resumed training has the same reference. Loads torch: the trainer's child only.
"""

from collections.abc import Iterator
from typing import Any

import torch
from datasets import Dataset, load_from_disk
from trl import DPOConfig, DPOTrainer

from spar.recipes.models import DpoSettings
from spar.training.arguments import common_arguments, lora_config
from spar.training.base import TrainJob
from spar.training.filled_rows import own_rows
from spar.training.tokenize import Tokenizer
from spar.training.weights import load_base
from spar.training.workspace import Workspace

OWN_PAIRS = "own_pairs"
"""Key of a padded micro-batch: how many of its pairs count."""


class _Recording:
    """The model as TRL calls it once per micro-batch; keeps the outputs of that call."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.outputs: Any = None

    def __call__(self, **inputs: Any) -> Any:
        self.outputs = self._model(**inputs)
        return self.outputs


class PairwiseDpoTrainer(DPOTrainer):  # type: ignore[misc]  # TRL ships no types we follow
    """TRL's trainer over token ids; its loss is the mean over the pairs of an optimizer step, however that is split.

    TRL's own `sft` loss is a mean over all chosen tokens of a micro-batch, and it weighs a last, smaller micro-batch
    like a full one: both make the update depend on micro_batch_size and the number of processes, which are settings of
    memory. Here the NLL is a mean over each chosen response, as in the paper's trainer (LLaMA-Factory's `pref_ftx`).
    """

    loss_is_scaled_for_ga = True  # by the pairs of the whole step, not by its passes
    nll_weight = 0.0

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """TRL has no option to skip preparation, and its own tokenization may shift tokens."""
        return dataset

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor]:
        """An optimizer step's micro-batches of this process, and how many pairs all processes have in it."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counted = [_pairs(batch) for batch in batches]
        if batches and (own := own_rows(self.accelerator, counted[-1])) < counted[-1]:
            batches[-1][OWN_PAIRS] = counted[-1] = own
        pairs = torch.tensor(sum(counted), device=device)
        return batches, self.accelerator.gather(pairs).sum()

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: torch.Tensor | None = None
    ) -> torch.Tensor:
        """This micro-batch's part of the mean over `num_items_in_batch` pairs; processes average gradients."""
        recording, own = _Recording(model), inputs.pop(OWN_PAIRS, None)
        loss = super().compute_loss(recording, inputs)
        if own is not None:
            losses = _losses(recording.outputs.log_probs, inputs, self.beta, self.nll_weight)
            return losses[:own].sum() * self.accelerator.num_processes / num_items_in_batch
        if self.nll_weight:
            loss = loss + self.nll_weight * _mean_nll(recording.outputs.log_probs, inputs["completion_mask"])
        return loss * _pairs(inputs) * self.accelerator.num_processes / num_items_in_batch


def _pairs(batch: Any) -> int:
    """The upper half of a batch's rows holds chosen, the lower half rejected."""
    return len(batch["input_ids"]) // 2


def _mean_nll(log_probs: torch.Tensor, completion_mask: torch.Tensor) -> torch.Tensor:
    return _nll(log_probs, completion_mask).mean()


def _nll(log_probs: torch.Tensor, completion_mask: torch.Tensor) -> torch.Tensor:
    """Of each pair: the mean over the chosen response's tokens. `log_probs` (rows, time - 1) is 0 outside of it."""
    mask = completion_mask[:, 1:]
    chosen, _ = log_probs[:, -mask.size(1) :].chunk(2)
    lengths, _ = mask.sum(dim=1).chunk(2)
    return -(chosen.sum(dim=1) / lengths)


def _losses(log_probs: torch.Tensor, inputs: Any, beta: float, nll_weight: float) -> torch.Tensor:
    """The loss of each pair; TRL returns only their mean."""
    mask = inputs["completion_mask"]
    chosen, rejected = log_probs[:, -(mask.size(1) - 1) :].sum(dim=1).chunk(2)
    margin = (chosen - inputs["ref_chosen_logps"]) - (rejected - inputs["ref_rejected_logps"])
    return -torch.nn.functional.logsigmoid(beta * margin) + nll_weight * _nll(log_probs, mask)


def dpo_trainer(job: TrainJob, settings: DpoSettings, workspace: Workspace) -> DPOTrainer:
    """For an adapter that is trained further, the reference is a frozen copy of it, which TRL makes."""
    # The arguments come first: they join the process group, and DeepSpeed shards only what is loaded after its set-up.
    config = DPOConfig(
        **common_arguments(job, workspace),
        loss_type=["sigmoid"],
        beta=settings.beta,
        max_length=None,  # rows that are too long have been counted and left out; TRL would silently truncate
        precompute_ref_log_probs=True,
        disable_dropout=settings.lora is None or settings.lora.dropout == 0,
    )
    trainer = PairwiseDpoTrainer(
        model=load_base(job),
        args=config,
        train_dataset=load_from_disk(str(workspace.rows)),
        processing_class=Tokenizer(job.base).hf,
        peft_config=lora_config(job),
    )
    trainer.nll_weight = settings.nll_weight
    if "ref" in getattr(trainer.model, "peft_config", {}):
        # Its log-probabilities are computed. In a checkpoint it would hide the trained adapter: transformers' resume
        # loads an adapter from each sub-folder and then skips the one beside them.
        trainer.model.delete_adapter("ref")
    return trainer
