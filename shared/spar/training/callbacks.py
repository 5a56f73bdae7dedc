"""What we listen to while TRL trains: progress out, checkpoints marked whole, a training that diverges stopped.

Loads transformers: the trainer's child only.
"""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from spar.errors import TrainingDiverged
from spar.recipes.models import DivergenceSettings
from spar.training.base import TrainProgress
from spar.training.divergence import divergence
from spar.training.faults import MARKER
from spar.training.ranks import Ranks
from spar.training.reports import Listener, Report


class ProgressCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not followed for types
    """Knows nothing of the method: DPO and SFT are watched alike. On every rank; the first one reports."""

    def __init__(self, reporter: Listener, ranks: Ranks, settings: DivergenceSettings) -> None:
        self._reporter, self._ranks, self._settings = reporter, ranks, settings

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_save = False  # the model itself comes next: a last checkpoint would only take time

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Report the step's progress. Raises TrainingDiverged for a loss or margin beyond the settings' limits."""
        if "loss" not in logs:  # the summary at the end
            return
        loss = float(logs["loss"])
        # Of the training's first step, also where this attempt resumed from a checkpoint.
        first = next((float(entry["loss"]) for entry in state.log_history if "loss" in entry), loss)
        if (what := divergence(logs, first, self._settings)) is not None:  # before a checkpoint of this step is written
            raise TrainingDiverged(
                f"The training diverged at step {state.global_step} of {state.max_steps}: {what}.",
                "Lower learning_rate in this training's settings, lengthen its warmup, or train in float32; if such "
                "figures are expected, raise training.*.divergence.",
            )
        progress = TrainProgress(
            step=state.global_step, steps=state.max_steps, loss=loss, tokens=int(state.num_input_tokens_seen)
        )
        if self._ranks.first:
            self._reporter.send(Report(progress=progress))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._ranks.wait()  # each rank writes a part of it
        if self._ranks.first:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / MARKER).touch()
