"""A run without training, as a user runs it: from prompts and an endpoint to exported pairs and examples."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.simulated import report_of, run, steps_of

pytestmark = pytest.mark.end_to_end

PROMPTS = 20


@pytest.fixture
def given(instant: str, tmp_path: Path) -> list[str]:
    rows = [{"prompt": f"Write a note on river {number} in {number} words."} for number in range(1, PROMPTS + 1)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "models.actor": "served:simulated",
        "models.refiner": "served:simulated",
        "engine.url": instant,
        "prompts.source": tmp_path / "prompts.jsonl",
        "prompts.per_iteration": PROMPTS,
        "prompts.shard_size": 5,
    }
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def test_an_endpoint_gives_pairs_and_examples_to_export(given: list[str], tmp_path: Path) -> None:
    planned = run(["plan", "endpoint", *given])
    assert planned.returncode == 0, planned.stderr
    assert "training steps, at most" in planned.stdout
    assert "Nothing is trained" in planned.stderr

    done = run(["run", "endpoint", *given, "--dir", tmp_path / "home"])
    assert done.returncode == 0, done.stderr
    start, only = report_of(tmp_path / "home")["iterations"]
    assert start["prompts"] == 0
    assert sum(only["outcomes"].values()) == PROMPTS
    assert only["outcomes"]["pair"] == only["pairs"] > 0
    assert {step.kind.value for step in steps_of(tmp_path / "home")} == {
        "generation", "judgment", "refinement", "selection",
    }  # fmt: skip

    exported = run(["export", tmp_path / "home", "--format", "trl", "--out", tmp_path / "out"])
    assert exported.returncode == 0, exported.stderr
    pairs = (tmp_path / "out" / "pairs.jsonl").read_text().splitlines()
    assert len(pairs) == only["pairs"]
    assert (tmp_path / "out" / "examples.jsonl").read_text().splitlines()


def test_more_than_one_iteration_is_refused_before_anything_starts(given: list[str], tmp_path: Path) -> None:
    refused = run(["run", "endpoint", *given, "--set", "iterations=2", "--dir", tmp_path / "home"])
    assert refused.returncode == 2
    assert "iterations is 2, but training is none" in refused.stderr
