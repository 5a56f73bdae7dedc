"""The TRL trainer: each training runs in a child process that cannot outlive this one.

Loads no torch; `spar.training.child` does the training. Also compares the ids that rows are trained on with those that
an engine feeds the model, which must be the same. Served is the whole conversation encoded at once by the tokenizer's
chat template; trained on is one assembled turn by turn (`spar.training.tokenize`). Where a tokenizer merges across a
turn's border, or template and tokenizer each write a BOS, the two differ, and the model is trained on prompts that it
never sees when served.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from spar.checkpoints.chat_template import encode_prompt
from spar.errors import TrainingError
from spar.method.records import Example, Message, Pair
from spar.processes.child import Child, start_child
from spar.training.base import Trainer, TrainJob, TrainOutcome, TrainProgress
from spar.training.environment import LAUNCH_SCRATCH, child_environment, ignored_variables
from spar.training.faults import typed_faults
from spar.training.jobs import JOBS, require_weights
from spar.training.launch import child_command
from spar.training.reports import parse_report
from spar.training.tokenize import IGNORED, PairIds, Tokenizer, sample_lengths

log = structlog.get_logger()

_TAIL_LINES = 60  # a launcher ends with its own table below the output of its ranks


def make() -> Trainer:
    return TrlTrainer()


class TrlTrainer:
    """Trains with TRL, on a GPU if torch finds one, otherwise on the CPU."""

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
        child.kill()  # checkpoints count only once complete, so there is nothing to wait for
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


def differing(tokenizer: Tokenizer, rows: Sequence[Pair | Example]) -> list[bool]:
    """For each row, whether its last reply is trained on after different ids than are served, or after two BOS."""
    return [_differs(tokenizer, row) for row in rows]


def _differs(tokenizer: Tokenizer, row: Pair | Example) -> bool:
    served = encode_prompt(tokenizer.hf, _prompt(row))
    bos = tokenizer.hf.bos_token_id
    if bos is not None and served[:2] == [bos, bos]:
        return True
    sample = tokenizer.sample(row)
    if isinstance(sample, PairIds):
        return sample.prompt_ids != served
    return sample.input_ids[: len(served)] != served or IGNORED in sample.labels[len(served) :]


def _prompt(row: Pair | Example) -> Sequence[Message]:
    """The conversation before the last reply."""
    if isinstance(row, Pair):
        return (Message("user", row.prompt.text),)
    last = max(place for place, message in enumerate(row.messages) if message.role == "assistant")
    return row.messages[:last]
