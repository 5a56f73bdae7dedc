"""TRL in its child: the objective, resume after a kill, LoRA, packing, and what cannot be trained."""

import json
import math
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from spar.errors import ModelUnusable, TrainingError
from spar.recipes.models import DpoSettings, LoraSettings, SftSettings
from spar.runtime.steps import NON_RETRYABLE
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import TrainJob, TrainOutcome, TrainProgress
from spar.training.jobs import read_rows
from spar.training.tokenize import PairIds, Tokenizer
from spar.training.trl_trainer import make
from spar.training.workspace import MARKER
from tests.unit.training.processes import child_of

pytestmark = pytest.mark.torch

DPO = DpoSettings(learning_rate=1e-3, batch_size=2, max_length=64, dtype="float32", threads=1, checkpoint_steps=20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"), hidden=64)


def pairs(folder: Path, count: int) -> Path:
    draw = random.Random(0)

    def text() -> str:
        return " ".join(f"w{draw.randrange(64)}" for _ in range(draw.randrange(2, 9)))

    rows = [{"prompt": {"id": str(n), "text": text()}, "chosen": text(), "rejected": text()} for n in range(count)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def job(folder: Path, base: Path, rows: Path, settings: DpoSettings | SftSettings = DPO) -> TrainJob:
    return TrainJob(base=base, rows=rows, settings=settings, seed=3, output=folder / "model", work=folder / "work")


async def trained(job: TrainJob) -> tuple[TrainOutcome, list[TrainProgress]]:
    seen: list[TrainProgress] = []
    return await make().train(job, seen.append), seen


async def test_the_first_loss_is_dpo_plus_a_share_of_nll(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")  # the recipe says float32
    rows = pairs(tmp_path, 2)
    this = job(tmp_path, base, rows)
    _, (first,) = await trained(this)
    # Before any step the policy is the reference: -log sigmoid(0), and the mean over responses of their mean NLL.
    assert first.loss == pytest.approx(math.log(2) + 0.1 * chosen_nll(this), rel=1e-4)


def chosen_nll(job: TrainJob) -> float:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(job.base)
    tokenizer = Tokenizer(job.base)
    losses: list[float] = []
    for row in read_rows(job):
        ids = tokenizer.sample(row)
        assert isinstance(ids, PairIds)
        whole = torch.tensor([ids.prompt_ids + ids.chosen_ids])
        with torch.no_grad():
            scores = model(whole).logits[0, :-1].log_softmax(-1).gather(1, whole[0, 1:, None])
        losses.append(float(-scores[-len(ids.chosen_ids) :, 0].mean()))
    return sum(losses) / len(losses)


async def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_training(base: Path, tmp_path: Path) -> None:
    rows = pairs(tmp_path, 240)
    whole = job(tmp_path / "whole", base, rows)
    expected, _ = await trained(whole)
    broken = job(tmp_path / "broken", base, rows)
    await killed_at(50, broken)
    newest = max(broken.work.glob(f"checkpoints/*/{MARKER}"), key=lambda path: path.stat().st_mtime)
    torn = newest.parent.with_name("checkpoint-119")  # a kill in the middle of writing leaves this
    torn.mkdir()
    outcome, seen = await trained(broken)
    assert outcome.resumed_from == int(newest.parent.name.rpartition("-")[2]) > 0
    assert seen[0].step == outcome.resumed_from + 1
    assert replace(outcome, resumed_from=0, seconds=expected.seconds) == expected
    weights = "model.safetensors"
    assert (broken.output / weights).read_bytes() == (whole.output / weights).read_bytes()


async def killed_at(step: int, job: TrainJob) -> None:
    """kill -9 of the child, and of nothing else, at a step: whoever started it is told, and may try again."""

    def watch(progress: TrainProgress) -> None:
        if progress.step == step:
            os.kill(child_of(job), signal.SIGKILL)

    with pytest.raises(TrainingError, match="ended with exit code 137") as told:
        await make().train(job, watch)
    assert not isinstance(told.value, NON_RETRYABLE)
    assert not job.output.exists()


async def test_packed_lora_in_bfloat16_gives_a_whole_model_like_its_base(base: Path, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "w1 w2"}, {"role": "assistant", "content": "w3 w4 w5"}]
    rows = tmp_path / "rows.jsonl"
    rows.write_text((json.dumps({"prompt_id": "p", "kind": "refinement", "messages": turns}) + "\n") * 32)
    settings = SftSettings(
        learning_rate=1e-2,
        batch_size=2,
        epochs=2,
        max_length=64,
        packing=True,
        lora=LoraSettings(),
        threads=1,
    )
    outcome, seen = await trained(job(tmp_path, base, rows, settings))
    assert outcome.samples == 32
    assert outcome.steps < 32  # packed: several samples in a row
    assert outcome.tokens == 2 * 32 * 9
    assert (seen[-1].loss or 0) < (seen[0].loss or 0)
    assert_same_kind_of_model(tmp_path / "model", base)


def assert_same_kind_of_model(model: Path, base: Path) -> None:
    from safetensors.torch import load_file

    assert sorted(path.name for path in model.iterdir()) == sorted(path.name for path in base.iterdir())
    new, old = (load_file(folder / "model.safetensors") for folder in (model, base))
    assert {name: (t.shape, t.dtype) for name, t in new.items()} == {
        name: (t.shape, t.dtype) for name, t in old.items()
    }
    assert any(not new[name].equal(old[name]) for name in old)


async def test_a_base_without_weights_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    with pytest.raises(ModelUnusable, match="safetensors"):
        await trained(job(tmp_path, tmp_path / "base", pairs(tmp_path, 2)))


async def test_a_child_that_breaks_says_its_last_lines(base: Path, tmp_path: Path) -> None:
    this = job(tmp_path, base, tmp_path / "no-such-rows.jsonl")
    with pytest.raises(TrainingError, match="No such file"):
        await trained(this)
