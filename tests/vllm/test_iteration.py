"""A whole iteration of a small recipe with the supervised vllm engine: actor and refiner take turns on one server."""

import json
import subprocess
from pathlib import Path

from tests.end_to_end.simulated import SPAR
from tests.vllm.conftest import VLLM

SETTINGS = {
    "iterations": 1,
    "prompts.per_iteration": 48,
    "prompts.shard_size": 12,
    "engine.kind": "vllm",
    "engine.dtype": "float32",
    "engine.max_batch": 64,
    "engine.vllm.device": "cpu",
    "engine.vllm.extra_args": json.dumps(VLLM.extra_args),
    "engine.vllm.idle_s": 15,
    "evaluation.actor_prompts": 24,
    "evaluation.judge_items": 24,
    "evaluation.refine_items": 24,
}


def test_an_iteration_ends_with_two_trained_models(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sets = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    command = [*SPAR, "run", "demo", "--dir", str(home), *sets]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    report = json.loads((home / "report.json").read_text())
    assert report["status"] == "finished"
    outcomes = report["iterations"][-1]["outcomes"]
    assert sum(outcomes.values()) == SETTINGS["prompts.per_iteration"]
    assert outcomes["pair"] > 0
    assert outcomes["engine_failed"] == 0
