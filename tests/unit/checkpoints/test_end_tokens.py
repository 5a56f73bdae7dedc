"""A reply ends at the tokenizer's end token and at every one that the model's configuration names."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from spar.checkpoints.end_tokens import end_tokens
from spar.engines.base import Sampling
from spar.engines.transformers import TransformersEngine
from spar.errors import ModelUnusable
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.training.tokenize import Tokenizer
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.torch
EOS, OTHER, THIRD = 2, 9, 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path)
    return tmp_path


def configure(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("generation", "model", "expected"),
    [
        (OTHER, EOS, {EOS, OTHER}),
        ([OTHER, THIRD], EOS, {EOS, OTHER, THIRD}),
        (None, OTHER, {EOS}),  # an existing generation config is the word on it
        ("no file", OTHER, {EOS, OTHER}),
        ("no file", [OTHER, THIRD], {EOS, OTHER, THIRD}),
    ],
)
def test_the_union_is_one_for_decoding_and_training(
    folder: Path, generation: object, model: object, expected: set[int]
) -> None:
    configure(folder, "config.json", eos_token_id=model)
    if generation == "no file":
        (folder / "generation_config.json").unlink()
    else:
        configure(folder, "generation_config.json", eos_token_id=generation)
    tokenizer = Tokenizer(folder)
    assert tokenizer.hf.eos_token_id == EOS
    assert tokenizer.end_ids == end_tokens(folder, tokenizer.hf) == expected


def test_a_broken_generation_config_is_an_unusable_model(folder: Path) -> None:
    (folder / "generation_config.json").write_text("{")
    with pytest.raises(ModelUnusable, match="end tokens"):
        Tokenizer(folder)


async def test_the_engine_stops_at_either(folder: Path) -> None:
    """The generation config names another token (`<pad>`): replies that the tokenizer's end token ended still end."""
    model = write_tiny_model(folder)
    engine = TransformersEngine(EngineSettings(dtype="float64"))
    try:
        sampling, ask = Sampling(temperature=1.0, top_p=1.0, max_tokens=60), [Message("user", "w1 w2")]
        expected = await (await engine.serve(model)).sample(ask, 20, sampling, 0)
        configure(folder, "generation_config.json", eos_token_id=0)
        again = type(model)("renamed", path=folder)
        replies = await (await engine.serve(again)).sample(ask, 20, sampling, 0)
    finally:
        await engine.close()
    ended = [(new, old) for new, old in zip(replies, expected, strict=True) if old.finish_reason == "stop"]
    assert ended
    assert all(new.finish_reason == "stop" and new.completion_tokens <= old.completion_tokens for new, old in ended)
    assert any(new.completion_tokens == old.completion_tokens for new, old in ended)
