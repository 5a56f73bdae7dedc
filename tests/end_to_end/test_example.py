"""The example of one iteration runs as documented, and its result is a model."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.torch]

EXAMPLE = Path(__file__).parents[2] / "examples" / "one_iteration.py"


def test_one_iteration_ends_with_a_trained_actor(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLE, "--prompts", "8", "--out", tmp_path]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "8 prompts: " in ran.stdout
    pairs = (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert f"DPO: {len(pairs)} pairs" in ran.stdout
    assert (tmp_path / "actor" / "model.safetensors").is_file()
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 150
