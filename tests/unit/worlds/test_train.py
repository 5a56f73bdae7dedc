"""A stage trains and repeats itself; what it starts from must be there. Small shapes: this is the loop's test only."""

import dataclasses
from pathlib import Path

import pytest

from spar.errors import TrainingError
from spar.worlds.story.stages import STAGES, TinyShape

pytestmark = pytest.mark.torch

BACKBONE, ACTOR, *_, ONE = (dataclasses.replace(stage, examples=48, batch=16) for stage in STAGES)
SMALL = TinyShape(hidden=64, layers=1, heads=2, feed_forward=96, max_positions=256)


def test_training_lowers_the_loss_saves_and_repeats(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from spar.worlds.story.train import StageProgress, train_stage

    told: list[StageProgress] = []
    longer = dataclasses.replace(BACKBONE, examples=640)
    first = train_stage(longer, tmp_path / "a", 1, told.append, SMALL)
    second = train_stage(longer, tmp_path / "b", 1, told.append, SMALL)
    assert told[0].step == told[0].steps == 40
    assert told[0].loss < 5.0  # a uniform guess over 256 tokens costs 5.5
    one, two = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    assert all(one[name].equal(two[name]) for name in one)
    assert {path.name for path in first.iterdir()} >= {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    actor = train_stage(ACTOR, tmp_path / "a", 1, told.append, SMALL)
    assert not load_file(actor / "model.safetensors")["model.norm.weight"].equal(one["model.norm.weight"])
    elsewhere = train_stage(ACTOR, tmp_path / "c", 1, told.append, SMALL, models=tmp_path / "a")
    again = load_file(elsewhere / "model.safetensors")
    assert all(again[name].equal(tensor) for name, tensor in load_file(actor / "model.safetensors").items())


def test_a_stage_without_its_start_says_what_to_train(tmp_path: Path) -> None:
    from spar.worlds.story.train import train_stage

    with pytest.raises(TrainingError, match=r"--only backbone.*--from builtin"):
        train_stage(ONE, tmp_path, 0, lambda _: None, SMALL)
