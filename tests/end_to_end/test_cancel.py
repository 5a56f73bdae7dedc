"""Cancel, resume and runs on a home: while a process runs there, and when none does."""

import json
from pathlib import Path

import pytest

from spar.db.tables import Step
from spar.messages.base import StepKind
from spar.messages.states import StepState
from tests.end_to_end.simulated import PATIENCE_S, facts_of, kill_when, report_of, run, start, steps_of, write_recipe

pytestmark = pytest.mark.end_to_end
SLOW = {"kind": "simulated", "latency": 0.02}


def _judged(steps: list[Step]) -> bool:
    return any(step.kind is StepKind.JUDGMENT and step.state is StepState.DONE for step in steps)


def _add_up(home: Path) -> None:
    """The results of every iteration that has started."""
    for entry in report_of(home)["iterations"][1:]:
        assert sum(entry["outcomes"].values()) == entry["prompts"] == 60


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    ended = run(["run", write_recipe(folder), "--dir", folder / "home"])
    assert ended.returncode == 0, ended.stderr
    return folder / "home"


def test_a_run_is_cancelled_from_elsewhere_and_resumed_to_the_same_end(uninterrupted: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = start(["run", write_recipe(tmp_path, engine=SLOW), "--dir", home])
    while not _judged(steps_of(home)):
        assert process.poll() is None, process.communicate()
    cancelled = run(["cancel", "--dir", home])
    assert cancelled.returncode == 0, cancelled.stderr
    assert "by the process that runs it" in cancelled.stdout
    _, output = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Cancelled. What is done is kept" in output
    assert report_of(home)["status"] == "cancelled"
    _add_up(home)
    in_flight = (StepState.DISPATCHED, StepState.RUNNING)
    assert not [step for step in steps_of(home) if step.state in in_flight]
    done = {step.id for step in steps_of(home) if step.state is StepState.DONE}

    assert [row["status"] for row in json.loads(run(["runs", "--dir", home, "--json"]).stdout)] == ["cancelled"]
    resumed = run(["resume", "--dir", home])
    assert resumed.returncode == 0, resumed.stderr
    assert facts_of(report_of(home)) == facts_of(report_of(uninterrupted))
    assert {step.attempt for step in steps_of(home) if step.id in done} == {1}


def test_a_killed_run_is_cancelled_without_a_process_and_the_recipe_resumes_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    recipe = ["run", write_recipe(tmp_path, engine=SLOW), "--dir", home]
    kill_when(start(recipe), home, _judged)
    cancelled = run(["cancel", "--dir", home])
    assert cancelled.returncode == 0, cancelled.stderr
    assert "it was not running" in cancelled.stdout
    assert "cancelled" in run(["status", "--dir", home]).stdout
    assert run(["report", "--dir", home]).returncode == 0
    _add_up(home)
    assert run(recipe).returncode == 0
    assert report_of(home)["status"] == "finished"
    _add_up(home)


def test_a_finished_run_cannot_be_cancelled(uninterrupted: Path) -> None:
    refused = run(["cancel", "--dir", uninterrupted])
    assert refused.returncode == 2
    assert "is finished: there is nothing to cancel" in refused.stderr


def test_a_home_without_a_run_is_reported(tmp_path: Path) -> None:
    for command in ("cancel", "resume", "runs"):
        refused = run([command, "--dir", tmp_path])
        assert refused.returncode == 2
        assert "holds no runs" in refused.stderr
