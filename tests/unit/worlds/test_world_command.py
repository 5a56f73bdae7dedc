"""`spar world` refuses what it cannot do before it loads a model."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.world import app
from spar.errors import DataError


@pytest.mark.torch
def test_an_unknown_stage_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "models"
    result = CliRunner().invoke(app, ["train", "--out", str(out), "--only", "critic"])
    assert isinstance(result.exception, DataError)
    assert "backbone, actor, refiner" in str(result.exception)
    assert not out.exists()


def test_measuring_as_something_else_names_the_choices(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["measure", str(tmp_path), "--as", "critic"])
    assert result.exit_code == 2
    assert "actor, refiner, both" in result.output
