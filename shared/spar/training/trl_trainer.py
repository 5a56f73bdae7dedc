"""The TRL trainer: each training in a child process that cannot outlive us.

Knows nothing of torch; what trains is `spar.training.child`.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from spar.children import Child, start_child
from spar.errors import TrainingError
from spar.method.records import Example, Pair
from spar.redaction import without_secrets
from spar.training.base import Trainer, TrainJob, TrainOutcome, TrainProgress
from spar.training.jobs import JOBS, require_weights
from spar.training.launch import child_command, is_launched
from spar.training.reports import parse_report
from spar.training.tokenize import Tokenizer, sample_lengths

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
# glibc gives freed tensors back to the kernel and fetches them again each step; keeping them took DPO of the tiny
# model from 7.9 to 3.2 CPU-seconds. A child ends with its training, so nothing is kept long.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}

# Whoever started us may have been launched; our child is not, unless we say so.
_OF_LAUNCHERS = {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
LAUNCH_SCRATCH = "launch"
"""Temporary files of `accelerate launch` in the job's folder; its first rank empties the other scratch folder."""
_TAIL_LINES = 60  # a launcher ends with a table of its own below what its ranks said


def make() -> Trainer:
    return TrlTrainer()


class TrlTrainer:
    """Trains with TRL, on a GPU if torch finds one, else on the CPU."""

    def lengths(self, base: Path, rows: Sequence[Pair] | Sequence[Example]) -> list[int]:
        return sample_lengths(Tokenizer(base), rows)

    async def train(self, job: TrainJob, on_progress: Callable[[TrainProgress], None]) -> TrainOutcome:
        require_weights(job.base)
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
        "Correct the cause and train again: it goes on from its last checkpoint.",
    )


def child_environment(job: TrainJob) -> dict[str, str]:
    """Ours without credentials; and no network, no telemetry, no caches outside of the job, the recipe's threads."""
    scratch = str(job.work / "scratch")
    environment = {
        **{name: value for name, value in without_secrets(os.environ).items() if name not in _OF_LAUNCHERS},
        **_OFFLINE,
        **_KEEP_MEMORY,
        "HF_HOME": scratch,
        "TMPDIR": str(job.work / LAUNCH_SCRATCH) if is_launched(job.settings) else scratch,
        "TQDM_DISABLE": "1",
    }
    environment["TOKENIZERS_PARALLELISM"] = "false"
    if job.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(job.gpus)
    if job.settings.threads is not None:
        environment["OMP_NUM_THREADS"] = str(job.settings.threads)
    return environment
