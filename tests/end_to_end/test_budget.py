"""A run with a budget, as a user runs it: it stops at the cap, and resumes under a higher one to the same result."""

from pathlib import Path

import pytest

from spar.messages.states import StepState
from tests.end_to_end.simulated import facts_of, report_of, run, steps_of, write_recipe

pytestmark = pytest.mark.end_to_end


def test_it_stops_at_its_cap_and_goes_on_to_the_same_end(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    whole = run(["run", recipe, "--dir", tmp_path / "whole"])
    assert whole.returncode == 0, whole.stderr
    home, calls = tmp_path / "home", sum(sum(e["calls"].values()) for e in report_of(tmp_path / "whole")["iterations"])

    stopped = run(["run", recipe, "--dir", home, "--set", f"budget.calls={calls // 4}"])
    assert stopped.returncode == 130, stopped.stderr
    assert "stopped: budget: " in stopped.stderr
    assert "budget: " in stopped.stderr
    report = report_of(home)
    assert report["status"] == "stopped"
    [entry] = report["iterations"][1:]
    assert sum(entry["outcomes"].values()) == entry["prompts"] == 60
    assert entry["outcomes"]["not_reached"] == 60
    # Estimates: the last steps may cost more than the mean of those before.
    assert 0.7 < sum(entry["calls"].values()) / (calls // 4) < 1.1
    assert not [step for step in steps_of(home) if step.state in (StepState.DISPATCHED, StepState.RUNNING)]
    done = {step.id for step in steps_of(home) if step.state is StepState.DONE}
    assert f"of {calls // 4:,} calls" in run(["status", "--dir", home]).stdout

    refused = run(["resume", "--dir", home, "--set", "search.depth=1"])
    assert refused.returncode == 2
    assert "only budget.*, failures.* and guards.* can change" in refused.stderr
    resumed = run(["resume", "--dir", home, "--set", f"budget.calls={2 * calls}"])
    assert resumed.returncode == 0, resumed.stderr
    assert facts_of(report_of(home)) == facts_of(report_of(tmp_path / "whole"))
    assert {step.attempt for step in steps_of(home) if step.id in done} == {1}


def test_a_budget_without_trainings_stops_after_the_selection(tmp_path: Path) -> None:
    recipe, home = write_recipe(tmp_path), tmp_path / "home"
    stopped = run(["run", recipe, "--dir", home, "--set", "budget.trainings=0"])
    assert stopped.returncode == 130, stopped.stderr
    [entry] = report_of(home)["iterations"][1:]
    assert entry["outcomes"]["pair"] == entry["pairs"] > 0
    assert entry["training"] == {}
    assert run(["export", home, "--format", "trl", "--out", tmp_path / "out"]).returncode == 0
    # The same command with a higher budget is the same run.
    assert run(["run", recipe, "--dir", home, "--set", "budget.trainings=100"]).returncode == 0
    assert report_of(home)["status"] == "finished"
