"""A whole iteration of a small recipe with the supervised vllm engine: actor and refiner take turns on one server, and
the refiner's is killed in the middle.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.end_to_end.simulated import SPAR
from tests.vllm.conftest import TIMEOUT_S, VLLM
from tests.vllm.processes import server_of

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


def events(home: Path, name: str) -> list[dict[str, Any]]:
    log = home / "runs" / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return [entry for entry in map(json.loads, lines) if entry["event"] == name]


def wait_for(home: Path, name: str, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + TIMEOUT_S / 2
    while len(events(home, name)) < count:
        assert process.poll() is None, "the run ended early"
        assert time.monotonic() < end, f"no {name} in time"
        time.sleep(0.1)  # a log file notifies nobody


def test_an_iteration_ends_with_two_trained_models_though_a_server_dies(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sets = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    command = [*SPAR, "run", "demo", "--dir", str(home), *sets]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        wait_for(home, "vllm_ready", 2, run)
        os.kill(server_of(run.pid), signal.SIGKILL)
        output, _ = run.communicate()
    assert run.returncode == 0, output[-3000:]
    assert len(events(home, "vllm_crashed")) == 1
    report = json.loads((home / "report.json").read_text())
    assert report["status"] == "finished"
    outcomes = report["iterations"][-1]["outcomes"]
    assert sum(outcomes.values()) == SETTINGS["prompts.per_iteration"]
    assert outcomes["pair"] > 0
    assert outcomes["engine_failed"] == 0
    started = {entry["arguments"][1] for entry in events(home, "vllm_start")}
    assert len(started) == 4  # actor and refiner, before and after training
