"""The trainer's child: `python -m spar.training.child JOB` (a TrainJob as JSON) trains and reports to its parent.

A separate process, so that its memory is freed; or several (`spar.training.launch`), led by the first. Does the cheap
checks before it loads torch. Its parent, `spar.training.trl_trainer`, sets its environment (offline, threads).
"""

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from spar.errors import SparError, TrainingError
from spar.recipes.models import DpoSettings
from spar.training.base import TrainJob, TrainOutcome
from spar.training.disk import require_space
from spar.training.faults import typed_faults
from spar.training.jobs import (
    JOBS,
    micro_batch_size,
    read_rows,
    require_lora,
    require_weights,
    without_too_long,
)
from spar.training.ranks import Ranks, die_with_parent
from spar.training.reports import Failed, Listener, Report, Reporter
from spar.training.tokenize import Tokenizer
from spar.training.workspace import Workspace, locked

LOCK_WAIT_S = 10  # a killed trainer's child takes milliseconds to end; this allows for a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Sent by the first rank: an earlier attempt's outcome, or where to start. All ranks read its rows."""

    samples: int = 0
    too_long: int = 0
    checkpoint: Path | None = None
    finished: TrainOutcome | None = None


def run(job: TrainJob, reporter: Listener, ranks: Ranks, watchers: Sequence[Any] = ()) -> TrainOutcome | None:
    """The outcome on the first rank, None on the others. `watchers` are callbacks of transformers' trainer."""
    started = time.monotonic()
    with typed_faults(job.work), locked(job.work, wait_s=LOCK_WAIT_S) if ranks.first else nullcontext():
        workspace = Workspace(job, claim=ranks.first)
        start = ranks.from_first(_prepared(job, workspace) if ranks.first else Start())
        if start.finished is not None:
            return start.finished if ranks.first else None
        return _train(job, workspace, start, reporter, ranks, started, watchers)


def _prepared(job: TrainJob, workspace: Workspace) -> Start:
    """Tokenise once for all ranks, which train on the same file."""
    if (finished := workspace.finished()) is not None:
        return Start(finished=finished)
    micro_batch_size(job)
    require_weights(job.base)
    require_lora(job)
    rows = read_rows(job)
    tokenizer = Tokenizer(job.base)
    samples: list[Any] = [tokenizer.sample(row) for row in rows]
    kept = without_too_long(samples, [sample.length for sample in samples], job.settings.max_length)
    require_space(job, len(kept))
    from datasets import Dataset

    columns = {field.name: [getattr(sample, field.name) for sample in kept] for field in fields(kept[0])}
    Dataset.from_dict(columns).save_to_disk(workspace.rows)
    return Start(samples=len(kept), too_long=len(rows) - len(kept), checkpoint=workspace.newest_checkpoint())


def _train(
    job: TrainJob,
    workspace: Workspace,
    start: Start,
    reporter: Listener,
    ranks: Ranks,
    started: float,
    watchers: Sequence[Any],
) -> TrainOutcome | None:
    from spar.training.callbacks import ProgressCallback
    from spar.training.weights import gathered, require_finite, write_trained

    trainer = _trainer(job, workspace)
    for watcher in (ProgressCallback(reporter, ranks, job.settings.divergence), *watchers):
        trainer.add_callback(watcher)
    trainer.train(resume_from_checkpoint=str(start.checkpoint) if start.checkpoint else None)
    weights = gathered(trainer)
    if not ranks.first:
        return None
    state = trainer.state
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    outcome = TrainOutcome(
        samples=start.samples,
        too_long=start.too_long,
        steps=state.global_step,
        tokens=int(state.num_input_tokens_seen),
        seconds=round(time.monotonic() - started, 3),
        loss=fmean(losses) if losses else None,
        resumed_from=int(start.checkpoint.name.rpartition("-")[2]) if start.checkpoint else 0,
    )
    model = trainer.accelerator.unwrap_model(trainer.model)
    require_finite(model, weights)
    workspace.publish(lambda folder: write_trained(model, weights, job, folder), outcome)
    return outcome


def _trainer(job: TrainJob, workspace: Workspace) -> Any:
    import torch

    if job.settings.launch.config != "none" and not torch.cuda.is_available():
        raise TrainingError(
            f"training.launch.config is {job.settings.launch.config}, but this trainer sees no GPU.",
            "Use launch.config none without GPUs: each process then holds the whole model.",
        )
    # Deterministic algorithms also fill new buffers, and TRL's take half a gigabyte for any vocabulary.
    torch.utils.deterministic.fill_uninitialized_memory = False
    if job.settings.threads is not None:
        torch.set_num_threads(job.settings.threads)
    if isinstance(job.settings, DpoSettings):
        from spar.training.dpo import dpo_trainer

        return dpo_trainer(job, job.settings, workspace)
    from spar.training.sft import sft_trainer

    return sft_trainer(job, job.settings, workspace)


def main(job: str) -> int:
    die_with_parent()
    reporter, ranks = Reporter(), Ranks.here()
    try:
        outcome = run(JOBS.validate_json(job), reporter, ranks)
    except SparError as error:
        reporter.send(Report(failed=Failed.by(error)))
        return error.exit_code
    if outcome is not None:
        reporter.send(Report(outcome=outcome))
    ranks.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
