"""The contract of every trainer, for the simulated one and TRL."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from spar.errors import DataError, SparError, TrainingError
from spar.method.records import Example, ExampleKind, Message, Pair, Prompt
from spar.recipes.models import DpoSettings, SftSettings
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import Trainer, TrainJob, TrainProgress
from spar.training.registry import make_trainer, trainer_kinds

KINDS = ["simulated", pytest.param("trl", marks=pytest.mark.torch)]
DPO = DpoSettings(learning_rate=1e-3, batch_size=4, micro_batch_size=2, max_length=20, dtype="float32", threads=1)
SFT = SftSettings(learning_rate=1e-3, epochs=2, batch_size=4, max_length=20, dtype="float32", threads=1)
LONG = " ".join(["w9"] * 40)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def trainer(kind: str) -> Trainer:
    return make_trainer(kind)


@pytest.fixture
def job(kind: str, tmp_path: Path) -> TrainJob:
    """DPO on seven pairs, one of them too long."""
    base = tmp_path / "base"
    base.mkdir()
    if kind == "trl":
        make_tiny_model(base)
    rows = [_pair(f"w{n} w{n + 1}", "w1 w2", "w3") for n in range(6)] + [_pair("w1", LONG, "w2")]
    return _job(tmp_path, base, rows, DPO)


def _pair(prompt: str, chosen: str, rejected: str) -> dict[str, object]:
    return {"prompt": {"id": "p", "text": prompt}, "chosen": chosen, "rejected": rejected}


def _job(folder: Path, base: Path, rows: list[dict[str, object]], settings: DpoSettings | SftSettings) -> TrainJob:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return TrainJob(
        base=base, rows=path, settings=settings, seed=2**62 + 1, output=folder / "out" / "model", work=folder / "work"
    )


def ignore(_: TrainProgress) -> None:
    pass


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_training_counts_reports_and_leaves_a_model(trainer: Trainer, job: TrainJob) -> None:
    seen: list[TrainProgress] = []
    outcome = await trainer.train(job, seen.append)
    assert (outcome.samples, outcome.too_long, outcome.steps, outcome.resumed_from) == (6, 1, 2, 0)
    assert [(progress.step, progress.steps) for progress in seen] == [(1, 2), (2, 2)]
    assert 0 < seen[0].tokens < seen[1].tokens == outcome.tokens
    assert outcome.loss == pytest.approx(sum(progress.loss or 0 for progress in seen) / 2)
    assert contents(job.output)
    assert [path.name for path in job.output.parent.iterdir()] == ["model"]
    assert not (job.work / "checkpoints").exists()
    # Again: the same outcome at once; into another place: the same model.
    assert await trainer.train(job, ignore) == outcome
    elsewhere = replace(job, output=job.output.with_name("again"), work=job.work.with_name("again"))
    await trainer.train(elsewhere, ignore)
    assert contents(elsewhere.output) == contents(job.output)


async def test_sft_trains_every_epoch(trainer: Trainer, job: TrainJob, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "w1"}, {"role": "assistant", "content": "w2 w3"}]
    rows: list[dict[str, object]] = [{"prompt_id": str(n), "kind": "refinement", "messages": turns} for n in range(6)]
    outcome = await trainer.train(_job(tmp_path, job.base, rows, SFT), ignore)
    assert (outcome.samples, outcome.too_long, outcome.steps) == (6, 0, 4)


def test_lengths_count_whole_samples(trainer: Trainer, job: TrainJob) -> None:
    pairs = [Pair(prompt=Prompt.of("w1"), chosen=chosen, rejected="w2") for chosen in ("w3", "w3 w4 w5", LONG)]
    short, longer, longest = trainer.lengths(job.base, pairs)
    assert (longer - short, longest - short) == (2, 39)
    turns = (Message("user", "w1"), Message("assistant", "w2"))
    one, two = (trainer.lengths(job.base, [Example("p", ExampleKind.REFINEMENT, turns * times)])[0] for times in (1, 2))
    assert one < two


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("", TrainingError, "no rows"),
        (json.dumps(_pair("w1", LONG, "w2")) + "\n", TrainingError, "longer than max_length 20"),
        (json.dumps(_pair("w1", "w2", "w3")) + "\n{\n", DataError, "line 2"),
        ('{"prompt": 3}\n', DataError, "line 1: prompt"),
    ],
)
@pytest.mark.parametrize("kind", ["simulated"], indirect=True)
async def test_rows_that_cannot_be_trained_on(job: TrainJob, line: str, error: type[SparError], message: str) -> None:
    job.rows.write_text(line)
    with pytest.raises(error, match=message):
        await make_trainer("simulated").train(job, ignore)
    assert not job.output.exists()


async def test_a_typed_error_comes_back_from_a_child(trainer: Trainer, job: TrainJob) -> None:
    job.rows.write_text("")
    with pytest.raises(TrainingError, match="no rows"):
        await trainer.train(job, ignore)


async def test_a_batch_must_be_whole_micro_batches(trainer: Trainer, job: TrainJob) -> None:
    settings = job.settings.model_copy(update={"micro_batch_size": 3})
    with pytest.raises(TrainingError, match="batch_size 4 is not a multiple of micro_batch_size 3"):
        await trainer.train(replace(job, settings=settings), ignore)


async def test_another_model_at_the_output_is_kept(trainer: Trainer, job: TrainJob) -> None:
    job.output.mkdir(parents=True)
    with pytest.raises(TrainingError, match="not made by this training"):
        await trainer.train(job, ignore)
    assert not contents(job.output)


@pytest.mark.parametrize("kind", ["simulated"], indirect=True)
async def test_two_trainers_cannot_share_a_folder(job: TrainJob) -> None:
    trainer = make_trainer("simulated")
    results = await asyncio.gather(trainer.train(job, ignore), trainer.train(job, ignore), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["TrainOutcome", "TrainerBusy"]


@pytest.mark.parametrize("kind", ["simulated"], indirect=True)
async def test_a_changed_job_does_not_take_over_the_old_outcome(job: TrainJob) -> None:
    trainer = make_trainer("simulated")
    await trainer.train(job, ignore)
    first = contents(job.output)
    other = replace(job, seed=2, output=job.output.with_name("other"))
    await trainer.train(other, ignore)
    assert contents(other.output) != first


def test_both_trainers_are_registered() -> None:
    assert {"trl", "simulated"} <= set(trainer_kinds())
