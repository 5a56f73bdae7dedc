"""The project's own trainers (`spar.training`: SFT and DPO by TRL), run in this process and measured while they train.

Each training of a run has its own process, which frees its memory. Here dozens of small ones follow one another, and
measurements between two steps need the model itself. Loads torch and TRL. Knows no task.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from transformers import TrainerCallback

from spar.method.records import Example, Pair
from spar.recipes.models import DpoSettings, SftSettings
from spar.training.base import TrainJob
from spar.training.child import run
from spar.training.environment import settings_alone
from spar.training.ranks import Ranks
from spar.training.reports import Report

Look = Callable[[int, Any], None]
"""(step, model): called before the first step and after each step that is to be measured."""


def learn(
    base: Path,
    rows: Sequence[Pair] | Sequence[Example],
    settings: DpoSettings | SftSettings,
    seed: int,
    output: Path,
    look: Look | None = None,
    every: int = 1,
) -> Path:
    """Train a model on rows; returns its folder. Raises TrainingError."""
    work = output.with_name(f"{output.name}-work")
    work.mkdir(parents=True, exist_ok=True)
    path = work / "rows.jsonl"
    adapter = TypeAdapter(type(rows[0]))
    path.write_text("".join(json.dumps(adapter.dump_python(row, mode="json")) + "\n" for row in rows))
    job = TrainJob(base=base, rows=path, settings=settings, seed=seed, output=output, work=work)
    with quiet(), settings_alone():
        run(job, _NoReports(), Ranks(), [] if look is None else [_Looking(look, every)])
    shutil.rmtree(work)
    return output


class _NoReports:
    """Discards a training's reports."""

    def send(self, report: Report) -> None:
        pass


class _Looking(TrainerCallback):  # type: ignore[misc]  # transformers is not followed for types
    """Passes on the model before the first step, after every n-th, and after the last."""

    def __init__(self, look: Look, every: int) -> None:
        self._look, self._every = look, every

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        self._look(0, model)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        if state.global_step % self._every == 0 or state.global_step == state.max_steps:
            self._look(state.global_step, model)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' progress bars and figures; failures are exceptions."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """On a busy machine a second torch thread costs more than it gains; and with one, sums are reproducible."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
