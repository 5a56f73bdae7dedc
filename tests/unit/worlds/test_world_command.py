"""`spar world` trains and measures what it says, and refuses what it cannot do before it loads a model."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.world import app
from spar.errors import DataError
from spar.worlds.story.stages import STAGES


@pytest.mark.torch
def test_an_unknown_stage_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "models"
    result = CliRunner().invoke(app, ["train", "--out", str(out), "--only", "critic"])
    assert isinstance(result.exception, DataError)
    assert "backbone, actor, refiner, one" in str(result.exception)
    assert not out.exists()


@pytest.mark.torch
def test_all_stages_train_in_one_go_each_from_the_one_before_and_are_measured(tmp_path: Path) -> None:
    arguments = ["train", "--out", str(tmp_path), "--examples", "16", "--items", "1", "--seed", "3"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for stage in STAGES:
        folder = tmp_path / stage.name
        assert (folder / "model.safetensors").is_file()
        card = (folder / "README.md").read_text()
        assert f"Taught: {min(16, stage.examples)} conversations" in card
        assert f"--only {stage.name}" in card
        wanted = {"actor": "actor_greedy", "refiner": "refine", "skills": "compare"}
        assert all(f"| {wanted[part]} |" in card for part in stage.parts)


@pytest.mark.torch
def test_a_stage_starts_from_the_carried_model(tmp_path: Path) -> None:
    arguments = ["train", "--out", str(tmp_path), "--only", "one", "--from", "builtin"]
    result = CliRunner().invoke(app, [*arguments, "--examples", "16", "--items", "8"])
    assert result.exit_code == 0, result.output
    assert [folder.name for folder in tmp_path.iterdir()] == ["one"]
    rate = re.search(r"\| judge \| ([\d.]+)", (tmp_path / "one" / "README.md").read_text())
    assert rate is not None
    assert float(rate[1]) > 0.5  # one step away from a backbone that judges


def test_measuring_as_something_else_names_the_choices(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["measure", str(tmp_path), "--as", "critic"])
    assert result.exit_code == 2
    assert "actor, refiner, both, one" in result.output
