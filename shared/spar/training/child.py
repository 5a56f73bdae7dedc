"""The trainer's child: `python -m spar.training.child JOB` (a TrainJob as JSON) trains and reports to its parent.

A process of its own so that its memory comes back. Checks what is cheap to check before it loads torch. Its
environment (offline, threads) is set by its parent, `spar.training.trl_trainer`.
"""

import sys
import time
from statistics import fmean
from typing import Any

from spar.errors import SparError
from spar.recipes.models import DpoSettings
from spar.training.base import TrainJob, TrainOutcome
from spar.training.jobs import JOBS, micro_batch_size, read_rows, require_weights, without_too_long
from spar.training.reports import Failed, Report, Reporter
from spar.training.tokenize import Tokenizer
from spar.training.workspace import Workspace, locked

LOCK_WAIT_S = 10  # a killed trainer's child needs milliseconds to be gone; this is for a busy machine


def run(job: TrainJob, reporter: Reporter) -> TrainOutcome:
    started = time.monotonic()
    with locked(job.work, wait_s=LOCK_WAIT_S):
        workspace = Workspace(job)
        if (finished := workspace.finished()) is not None:
            return finished
        micro_batch_size(job)
        require_weights(job.base)
        rows = read_rows(job)
        tokenizer = Tokenizer(job.base)
        samples = [tokenizer.sample(row) for row in rows]
        kept = without_too_long(samples, [sample.length for sample in samples], job.settings.max_length)
        return _train(job, workspace, tokenizer, kept, len(rows) - len(kept), reporter, started)


def _train(
    job: TrainJob,
    workspace: Workspace,
    tokenizer: Tokenizer,
    samples: list[Any],
    too_long: int,
    reporter: Reporter,
    started: float,
) -> TrainOutcome:
    from spar.training.callbacks import Watch
    from spar.training.weights import write_model

    trainer = _trainer(job, workspace, tokenizer, samples)
    trainer.add_callback(Watch(reporter))
    checkpoint = workspace.newest_checkpoint()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    state = trainer.state
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    outcome = TrainOutcome(
        samples=len(samples),
        too_long=too_long,
        steps=state.global_step,
        tokens=int(state.num_input_tokens_seen),
        seconds=round(time.monotonic() - started, 3),
        loss=fmean(losses) if losses else None,
        resumed_from=int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
    )
    model = trainer.accelerator.unwrap_model(trainer.model)
    workspace.publish(lambda folder: write_model(model, job.base, folder), outcome)
    return outcome


def _trainer(job: TrainJob, workspace: Workspace, tokenizer: Tokenizer, samples: list[Any]) -> Any:
    import torch

    from spar.training.weights import load_base

    # Deterministic algorithms also fill fresh buffers, and TRL's are half a gigabyte whatever the vocabulary.
    torch.utils.deterministic.fill_uninitialized_memory = False
    if job.settings.threads is not None:
        torch.set_num_threads(job.settings.threads)
    if isinstance(job.settings, DpoSettings):
        from spar.training.dpo import dpo_trainer

        return dpo_trainer(job, workspace, load_base(job.base), tokenizer, samples)
    from spar.training.sft import sft_trainer

    return sft_trainer(job, workspace, load_base(job.base), tokenizer, samples)


def main(job: str) -> int:
    reporter = Reporter()
    try:
        outcome = run(JOBS.validate_json(job), reporter)
    except SparError as error:
        reporter.send(Report(failed=Failed.by(error)))
        return error.exit_code
    reporter.send(Report(outcome=outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
