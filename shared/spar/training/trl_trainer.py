"""The TRL trainer: each training in a child process that cannot outlive us.

Knows nothing of torch; what trains is `spar.training.child`.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from spar.errors import TrainingError
from spar.method.records import Example, Pair
from spar.processes.child import Child, start_child
from spar.training.base import Trainer, TrainJob, TrainOutcome, TrainProgress
from spar.training.environment import LAUNCH_SCRATCH, child_environment, ignored_variables
from spar.training.faults import typed_faults
from spar.training.jobs import JOBS, require_weights
from spar.training.launch import child_command
from spar.training.reports import parse_report
from spar.training.served_ids import differing
from spar.training.tokenize import Tokenizer, sample_lengths

log = structlog.get_logger()

_TAIL_LINES = 60  # a launcher ends with a table of its own below what its ranks said


def make() -> Trainer:
    return TrlTrainer()


class TrlTrainer:
    """Trains with TRL, on a GPU if torch finds one, else on the CPU."""

    def lengths(self, base: Path, rows: Sequence[Pair] | Sequence[Example]) -> list[int]:
        return sample_lengths(Tokenizer(base), rows)

    def differing(self, base: Path, rows: Sequence[Pair | Example]) -> list[bool]:
        return differing(Tokenizer(base), rows)

    async def train(self, job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
        require_weights(job.base)
        if ignored := ignored_variables():
            log.warning(
                "training_environment_ignored", variables=ignored, fix="Set precision and launch in the recipe."
            )
        with typed_faults(job.work):
            return await _trained(job, on_progress)


async def _trained(job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
    (job.work / LAUNCH_SCRATCH).mkdir(parents=True, exist_ok=True)
    child = await start_child(
        child_command(job, JOBS.dump_json(job).decode()),
        log=job.work / "log.txt",
        env=child_environment(job),
        reports=True,
    )
    try:
        return await _followed(child, on_progress)
    finally:
        child.kill()  # checkpoints count only once they are whole, so there is nothing to wait for
        await child.wait()
        shutil.rmtree(job.work / LAUNCH_SCRATCH, ignore_errors=True)


async def _followed(child: Child, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
    async for line in child.reports():
        report = parse_report(line)
        if report.progress is not None:
            on_progress(report.progress)
        if report.failed is not None:
            raise report.failed.as_error()
        if report.outcome is not None:
            return report.outcome
    code = await child.wait()
    raise TrainingError(
        f"The trainer ended with exit code {code}. Its last lines:\n{child.tail(_TAIL_LINES)}\n",
        "Correct the cause and train again: it resumes from its last checkpoint.",
    )
