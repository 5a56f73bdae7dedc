"""A user of the stack: submit, watch, cancel, resume, report and figures, on the command line through the API."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from tests.end_to_end.simulated import write_recipe
from tests.integration.stack import SERVICES, Stack

pytestmark = pytest.mark.end_to_end

TOKEN = "a token for the whole stack"
SLOW = {"kind": "simulated", "latency": 0.02}


@pytest.fixture
def running(stopped: Stack) -> Stack:
    stopped.environment |= {"SPAR_API_TOKEN": TOKEN, "SPAR_API_PORT": "0", "SPAR_API_ALLOW_PATHS": "true"}
    stopped.start(*SERVICES, "api")
    return stopped


def address(running: Stack) -> str:
    """The API's, once it has printed it."""
    while "listening on " not in running.log("api"):
        assert running.processes["api"].poll() is None, running.log("api")
    return next(line.split()[-1] for line in running.log("api").splitlines() if line.startswith("listening on"))


def test_a_run_by_the_command_line(running: Stack, tmp_path: Path) -> None:
    url = address(running)
    given = {**os.environ, "SPAR_API_URL": url, "SPAR_API_TOKEN": TOKEN}

    def spar(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "spar.cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=given, cwd=tmp_path)

    recipe = write_recipe(tmp_path / "recipe", engine=SLOW)
    submitted = spar("submit", recipe)
    assert submitted.returncode == 0, submitted.stderr
    run_id = submitted.stdout.strip()
    second = spar("submit", recipe, "--set", "iterations=1", "--set", "prompts.per_iteration=20").stdout.strip()

    running.wait_for(run_id, lambda progress: any(step.kind is StepKind.REFINEMENT for step in progress.steps))
    assert spar("cancel", run_id).returncode == 0
    assert spar("watch", run_id).returncode == 130
    running.wait_for(second, lambda progress: progress.status is not RunStatus.QUEUED)
    assert spar("resume", run_id).returncode == 0  # it waits for the second now

    watched = spar("watch", run_id)
    assert watched.returncode == 0, watched.stderr
    assert "run finished" in watched.stderr
    assert spar("watch", second).returncode == 0
    assert spar("report", run_id, "--out", "fetched").returncode == 0
    report = json.loads((tmp_path / "fetched" / "report.json").read_text())
    assert [sum(entry["outcomes"].values()) for entry in report["iterations"]] == [0, 60, 60]

    headers = {"Authorization": f"Bearer {TOKEN}"}
    figures = httpx.get(f"{url}/metrics", headers=headers).text.splitlines()
    assert "spar_broker_up 1.0" in figures
    assert 'spar_queue_depth{queue="refinement"} 0.0' in figures
    assert 'spar_runs{status="finished"} 2.0' in figures
    assert any(line.startswith('spar_steps_done_total{kind="refinement",worker="refinement"}') for line in figures)
