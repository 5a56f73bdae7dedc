"""The gradient of a training's first optimizer step, by the project's own trainers: in one process, or in several.

    python -m tests.unit.training.gradients BASE FOLDER PROCESSES CUT...

For each CUT, METHOD-NAME-MICRO_BATCH, trains on the rows FOLDER/METHOD-NAME.jsonl in batches of four, and writes the
gradient to FOLDER/CUT-PROCESSES.safetensors.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import TrainerCallback

from spar.recipes.models import DpoSettings, LaunchSettings, SftSettings
from spar.training.base import TrainJob
from spar.training.child import _prepared, _trainer
from spar.training.ranks import Ranks
from spar.training.workspace import Workspace

METHODS: dict[str, type[DpoSettings] | type[SftSettings]] = {"dpo": DpoSettings, "sft": SftSettings}


class _Stop(Exception):
    pass


class _Gradients(TrainerCallback):  # type: ignore[misc]  # transformers is not followed for types
    """Keeps them as the optimizer would see them, and stops the training there."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        found = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
        if Ranks.here().first:
            save_file(found, self._output)
        raise _Stop


def compute(base: Path, folder: Path, cut: str, processes: int) -> None:
    rows, _, micro_batch = cut.rpartition("-")
    output = folder / f"{cut}-{processes}.safetensors"
    settings = METHODS[rows.partition("-")[0]](
        learning_rate=1e-3, batch_size=4, micro_batch_size=int(micro_batch), max_length=128, dtype="float32", threads=1,
        launch=LaunchSettings(processes=processes),
    )  # fmt: skip
    model, work = output.with_suffix(".model"), output.with_suffix(".work")
    job = TrainJob(base=base, rows=folder / f"{rows}.jsonl", settings=settings, seed=3, output=model, work=work)
    work.mkdir(exist_ok=True)
    ranks = Ranks.here()
    workspace = Workspace(job, claim=ranks.first)
    ranks.from_first(_prepared(job, workspace) if ranks.first else None)
    trainer = _trainer(job, workspace)
    trainer.args.max_grad_norm = 0.0  # unclipped: a wrong scale must be seen
    trainer.add_callback(_Gradients(output))
    with suppress(_Stop):
        trainer.train()
    ranks.wait()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[4:]:
        compute(Path(sys.argv[1]), Path(sys.argv[2]), each, int(sys.argv[3]))
    Ranks.here().leave()
