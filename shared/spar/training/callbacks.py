"""Callbacks while TRL trains: report progress, mark complete checkpoints, stop a diverging training.

The logged loss alone cannot show divergence: by default a filter of transformers logs a NaN as 0.0. The gradient norm,
which is not filtered, is therefore checked as well, and so are the weights before they are published. Loads
transformers: only in the trainer's child.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from spar.errors import TrainingDiverged
from spar.recipes.models import DivergenceSettings
from spar.training.base import TrainProgress
from spar.training.faults import MARKER
from spar.training.ranks import Ranks
from spar.training.reports import Listener, Report

LOSS, NORM, MARGIN = "loss", "grad_norm", "rewards/margins"
"""Names in the logs of transformers and TRL."""


class ProgressCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not followed for types
    """The same for DPO and SFT. Runs on every rank; the first one reports."""

    def __init__(self, reporter: Listener, ranks: Ranks, settings: DivergenceSettings) -> None:
        self._reporter, self._ranks, self._settings = reporter, ranks, settings

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_save = False  # the model itself is saved next: a last checkpoint would waste time

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Report the step's progress. Raises TrainingDiverged for a loss or margin beyond the settings' limits."""
        if "loss" not in logs:  # the final summary
            return
        loss = float(logs["loss"])
        # The loss of the training's first step, even if this attempt resumed from a checkpoint.
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


def divergence(logs: Mapping[str, Any], first: float, settings: DivergenceSettings) -> str | None:
    """Why the training counts as diverged; None if it does not. `first` is the first step's loss."""
    for name, words in ((LOSS, "loss"), (NORM, "gradient norm"), (MARGIN, "reward margin")):
        if (value := logs.get(name)) is not None and not math.isfinite(value):
            return f"its {words} became {value}"
    start, loss = max(first, 1.0), logs.get(LOSS, 0.0)
    if settings.loss is not None and loss > settings.loss * start:
        return f"its loss became {loss:.4g}, over {settings.loss:g} times that of the first step ({first:.4g})"
    margin = logs.get(MARGIN, 0.0)
    if settings.margin is not None and abs(margin) > settings.margin:
        return f"its mean reward margin became {margin:.4g}, beyond {settings.margin:g}"
    return None
