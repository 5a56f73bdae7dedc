"""What we listen to while TRL trains: progress out, checkpoints marked whole, a loss that is no number stopped.

Loads transformers: the trainer's child only.
"""

import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from spar.errors import TrainingError
from spar.training.base import TrainProgress
from spar.training.ranks import Ranks
from spar.training.reports import Listener, Report
from spar.training.workspace import MARKER


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is not followed for types
    """Knows nothing of the method: DPO and SFT are watched alike. On every rank; the first one reports."""

    def __init__(self, reporter: Listener, ranks: Ranks) -> None:
        self._reporter, self._ranks = reporter, ranks

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_save = False  # the model itself comes next: a last checkpoint would only take time

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        loss = logs.get("loss")
        if loss is None:  # the summary at the end
            return
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at step {state.global_step} of {state.max_steps}.",
                "Lower the learning rate, or train in float32; the rows may also hold an empty response.",
            )
        progress = TrainProgress(state.global_step, state.max_steps, loss, int(state.num_input_tokens_seen))
        if self._ranks.first:
            self._reporter.send(Report(progress=progress))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._ranks.wait()  # each rank writes a part of it
        if self._ranks.first:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / MARKER).touch()
