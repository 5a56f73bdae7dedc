"""LoRA adapters that stay adapters: what is written, trained on, resumed and served."""

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spar.engines.base import LocalModel
from spar.errors import ModelUnusable, TrainingError
from spar.lora import base_folder, is_adapter, link_base
from spar.method.records import Message
from spar.recipes.models import DpoSettings, LaunchSettings, LoraSettings, SftSettings
from spar.store.model_files import describe_folder
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import TrainJob, TrainOutcome, TrainProgress
from spar.training.jobs import read_rows, require_weights
from spar.training.tokenize import PairIds, Tokenizer
from spar.training.trl_trainer import make
from tests.unit.training.rows import write_examples, write_pairs

LORA = LoraSettings(rank=8, alpha=64, merge=False)
DPO = DpoSettings(
    learning_rate=3e-2, batch_size=4, micro_batch_size=2, max_length=64, dtype="bfloat16", threads=1,
    gradient_checkpointing=True, lora=LORA, checkpoint_steps=2,
)  # fmt: skip
SFT = SftSettings(
    learning_rate=1e-2, batch_size=2, epochs=1, max_length=64, dtype="bfloat16", threads=1,
    gradient_checkpointing=True, lora=LORA, packing=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DPO with LoRA, gradient checkpointing, bfloat16 and reference log-probabilities computed before."""
    this = job(tmp_path_factory.mktemp("adapter"), base)
    outcome, _ = asyncio.run(trained(this))
    assert outcome.steps == 3
    return this.output


def job(folder: Path, base: Path, settings: DpoSettings | SftSettings = DPO, count: int = 12) -> TrainJob:
    rows = folder / "rows.jsonl"
    write_pairs(rows, count) if isinstance(settings, DpoSettings) else write_examples(rows, count)
    return TrainJob(base=base, rows=rows, settings=settings, seed=3, output=folder / "model", work=folder / "work")


async def trained(job: TrainJob) -> tuple[TrainOutcome, list[TrainProgress]]:
    seen: list[TrainProgress] = []
    return await make().train(job, seen.append), seen


@pytest.mark.torch
def test_an_adapter_names_its_base_and_has_its_tokenizer(adapter: Path, base: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == ("base", 8, 64)
    assert base_folder(adapter) == base.resolve()
    require_weights(adapter)
    files = {file.name for file in describe_folder(adapter)}
    rest = {path.name for path in base.iterdir()} - {"config.json", "model.safetensors"}
    assert files == {"adapter_config.json", "adapter_model.safetensors", *rest}  # the link is no part of the model


@pytest.mark.torch
async def test_dpo_goes_on_from_an_adapter_and_its_reference_is_that_adapter(adapter: Path, tmp_path: Path) -> None:
    this = job(tmp_path, adapter, DPO.model_copy(update={"micro_batch_size": 4, "beta": 2.0, "epochs": 3}), count=4)
    _, (first, *_) = await trained(this)
    # Before any step the policy is its reference: -log sigmoid(0). Of the base alone it would not be.
    assert first.loss == pytest.approx(math.log(2) + 0.1 * _chosen_nll(this, with_adapter=True), abs=2e-2)
    assert abs(_chosen_nll(this, with_adapter=True) - _chosen_nll(this, with_adapter=False)) > 0.05
    assert json.loads((this.output / "adapter_config.json").read_text())["r"] == 8
    assert base_folder(this.output) == base_folder(adapter)
    assert _names(this.output) == _names(adapter)
    assert _weights(this.output).keys() == _weights(adapter).keys()  # `default` only
    assert any(not tensor.equal(_weights(adapter)[name]) for name, tensor in _weights(this.output).items())


@pytest.mark.torch
async def test_a_killed_training_of_an_adapter_resumes_exactly(adapter: Path, tmp_path: Path) -> None:
    whole, broken = (tmp_path / name for name in ("whole", "broken"))
    jobs = []
    for folder in (whole, broken):
        folder.mkdir()
        jobs.append(job(folder, adapter, count=40))
    expected, _ = await trained(jobs[0])
    reached = asyncio.Event()
    training = asyncio.create_task(make().train(jobs[1], lambda at: reached.set() if at.step >= 5 else None))
    await reached.wait()
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await training
    outcome, _ = await trained(jobs[1])
    assert outcome.resumed_from >= 4
    assert replace(outcome, resumed_from=0, seconds=expected.seconds) == expected
    assert all(tensor.equal(_weights(whole / "model")[name]) for name, tensor in _weights(broken / "model").items())


@pytest.mark.torch
async def test_packed_sft_of_an_adapter_by_two_processes(base: Path, tmp_path: Path) -> None:
    settings = SFT.model_copy(update={"launch": LaunchSettings(processes=2)})
    outcome, seen = await trained(job(tmp_path, base, settings, count=64))
    assert outcome.samples == 64
    assert outcome.steps < 32  # packed
    assert (seen[-1].loss or 0) < (seen[0].loss or 0)
    assert is_adapter(tmp_path / "model")


@pytest.mark.torch
async def test_an_adapter_is_served_as_if_merged(adapter: Path, base: Path, tmp_path: Path) -> None:
    from spar.engines.decoding.load import load

    served, plain = (load(LocalModel(str(path), path=path), "float32") for path in (adapter, base))
    ids = served.tokenizer.apply_chat_template(_chat("w1 w2"), add_generation_prompt=True, return_tensors="pt")
    ids = ids["input_ids"]
    expected = _with_adapter(adapter, base)(ids).logits
    assert served.model(ids, attention_mask=None).logits.allclose(expected, atol=1e-4)
    assert not served.model(ids, attention_mask=None).logits.allclose(
        plain.model(ids, attention_mask=None).logits, atol=1e-2
    )


@pytest.mark.torch
async def test_merging_gives_the_weights_that_the_adapter_stands_for(adapter: Path, base: Path, tmp_path: Path) -> None:
    merged = job(tmp_path, base, DPO.model_copy(update={"lora": LORA.model_copy(update={"merge": True})}))
    await trained(merged)
    expected = _with_adapter(adapter, base).merge_and_unload().state_dict()
    weights = _weights(merged.output)
    assert all(tensor.allclose(expected[name], atol=1e-5) for name, tensor in weights.items())
    assert not is_adapter(merged.output)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (None, "changes all weights"),
        (LoraSettings(rank=4, alpha=64), r"rank 8, but lora\.rank is 4"),
        (LoraSettings(rank=8, alpha=32), r"alpha 64, but lora\.alpha is 32"),
        (LoraSettings(rank=8, alpha=64, dropout=0.1), r"dropout 0\.0, but lora\.dropout is 0\.1"),
    ],
)
async def test_what_cannot_go_on_from_an_adapter(
    adapter: Path, tmp_path: Path, lora: LoraSettings | None, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        await trained(job(tmp_path, adapter, DPO.model_copy(update={"lora": lora})))


def test_an_adapter_without_its_base_says_what_it_wants(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "base", "r": 8}')
    with pytest.raises(ModelUnusable, match="wants the base model base"):
        base_folder(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for place in ("there", "elsewhere", "elsewhere"):
        link_base(tmp_path, tmp_path / place)
        assert base_folder(tmp_path) == (tmp_path / place).resolve()


def _chat(text: str) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in (Message("user", text),)]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return dict(load_file(file))


def _with_adapter(adapter: Path, base: Path) -> Any:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))


def _chosen_nll(job: TrainJob, with_adapter: bool) -> float:
    import torch

    model = _with_adapter(job.base, base_folder(job.base))
    model = model if with_adapter else model.unload()
    losses: list[float] = []
    for row in read_rows(job):
        ids = Tokenizer(job.base).sample(row)
        assert isinstance(ids, PairIds)
        whole = torch.tensor([ids.prompt_ids + ids.chosen_ids])
        with torch.no_grad():
            scores = model(whole).logits[0, :-1].log_softmax(-1).gather(1, whole[0, 1:, None])
        losses.append(float(-scores[-len(ids.chosen_ids) :, 0].mean()))
    return sum(losses) / len(losses)
