"""A whole run in one process, as a user runs it: to completion, killed, interrupted, changed."""

import json
import signal
from pathlib import Path

import pytest

from spar.db.tables import Step
from spar.messages.base import StepKind
from spar.messages.states import StepState
from tests.end_to_end import simulated
from tests.end_to_end.simulated import facts_of, kill_when, report_of, run, start, steps_of, write_recipe

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an undisturbed run."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    ended = run(["run", write_recipe(folder), "--dir", folder / "home"])
    assert ended.returncode == 0, ended.stderr
    return folder / "home"


def test_a_run_ends_with_outcomes_that_add_up(uninterrupted: Path) -> None:
    report = report_of(uninterrupted)
    assert report["status"] == "finished"
    start_entry, *iterations = report["iterations"]
    assert start_entry["prompts"] == 0
    assert [sum(entry["outcomes"].values()) for entry in iterations] == [60, 60]
    assert [entry["outcomes"]["pair"] for entry in iterations] == [entry["pairs"] for entry in iterations]
    assert all(entry["pairs"] > 0 for entry in iterations)


def test_the_same_command_again_has_nothing_to_do(uninterrupted: Path) -> None:
    before = {step.id: step.attempt for step in steps_of(uninterrupted)}
    again = run(["run", uninterrupted.parent / "recipe.yaml", "--dir", uninterrupted])
    assert again.returncode == 0, again.stderr
    assert {step.id: step.attempt for step in steps_of(uninterrupted)} == before


def test_status_explain_and_tree_tell_of_it(uninterrupted: Path) -> None:
    assert "finished" in run(["status", "--dir", uninterrupted]).stdout
    tree = report_of(uninterrupted)["examples"][0]
    explained = run(["explain", uninterrupted, tree["prompt_id"]]).stdout
    assert f"prompt {tree['prompt_id']}" in explained
    assert "outcome: " in explained
    assert "vote 5: no (stop): 'Step-by-step verification: " in explained
    listed = run(["explain", uninterrupted, "--outcome", "unsolved"]).stdout
    unsolved = sum(entry["outcomes"]["unsolved"] for entry in report_of(uninterrupted)["iterations"])
    assert len(listed.splitlines()) == unsolved > 0
    assert "negative: " in run(["tree", uninterrupted, tree["prompt_id"]]).stdout


def test_its_profile_accounts_for_every_second(uninterrupted: Path) -> None:
    profile = json.loads(run(["profile", "--dir", uninterrupted, "--json"]).stdout)
    assert {kind["kind"]: kind["steps"] + kind["reused"] for kind in profile["kinds"]} == {
        "generation": 24,
        "judgment": 24,
        "refinement": 24,
        "selection": 2,
        "training": 4,
    }
    assert all(kind["running"]["unknown_s"] == 0 for kind in profile["kinds"])
    engine = {kind["kind"]: kind["running"]["engine_s"] > 0 for kind in profile["kinds"]}
    assert engine == {
        "generation": True,
        "judgment": True,
        "refinement": True,
        "selection": False,
        "training": False,
    }
    [worker] = profile["workers"]
    seconds = sum(worker["busy"].values()) + worker["queue_s"] + worker["idle_s"]
    assert seconds == pytest.approx(worker["wall_s"])
    for iteration in profile["iterations"]:
        assert sum(iteration["limits"].values()) == pytest.approx(iteration["seconds"], abs=0.001)
    shown = run(["profile", "--dir", uninterrupted]).stdout
    assert f"run {profile['run_id']}: active for " in shown
    assert "iteration 2: " in shown
    assert "advice: " in shown


def test_its_data_can_be_exported(uninterrupted: Path, tmp_path: Path) -> None:
    done = run(["export", uninterrupted, "--format", "trl", "--out", tmp_path / "out"])
    assert done.returncode == 0, done.stderr
    pairs = (tmp_path / "out" / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(pairs) == sum(entry["pairs"] for entry in report_of(uninterrupted)["iterations"][1:])


def test_a_refused_run_changes_nothing_in_its_home(uninterrupted: Path, tmp_path: Path) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in uninterrupted.rglob("*") if path.is_file()}

    broken = tmp_path / "broken.jsonl"
    broken.write_text("broken\n")
    before = contents()
    recipe = ["run", uninterrupted.parent / "recipe.yaml", "--dir", uninterrupted]
    refused = run([*recipe, "--set", f"prompts.source={broken}"])
    assert refused.returncode == 2
    assert contents() == before


def _generating(steps: list[Step]) -> bool:
    return any(step.state is StepState.RUNNING for step in steps)


def _refining(steps: list[Step]) -> bool:
    return any(step.kind is StepKind.REFINEMENT and step.state is StepState.DONE for step in steps)


def _second_iteration(steps: list[Step]) -> bool:
    return any(step.iteration == 2 and step.state is StepState.DONE for step in steps)


def test_killed_at_three_moments_it_ends_the_same(uninterrupted: Path, tmp_path: Path) -> None:
    # Slow replies, so that every kill finds work in flight.
    slow = {"kind": "simulated", "latency": 0.02}
    recipe = ["run", write_recipe(tmp_path, engine=slow), "--dir", tmp_path / "home"]
    done: dict[int | None, tuple[int, str | None]] = {}
    for seen in (_generating, _refining, _second_iteration):
        kill_when(start(recipe), tmp_path / "home", seen)
        output = run(["status", "--dir", tmp_path / "home"]).stdout
        assert "interrupted" in output
        assert "next: No process works on it" in output
        for step_id, attempt in done.items():  # what was done before is never done again
            assert next((s.attempt, s.result_key) for s in steps_of(tmp_path / "home") if s.id == step_id) == attempt
        done = {s.id: (s.attempt, s.result_key) for s in steps_of(tmp_path / "home") if s.state is StepState.DONE}
    ended = run(recipe)
    assert ended.returncode == 0, ended.stderr
    assert facts_of(report_of(tmp_path / "home")) == facts_of(report_of(uninterrupted))
    after = {step.id: (step.attempt, step.result_key) for step in steps_of(tmp_path / "home")}
    assert {step_id: after[step_id] for step_id in done} == done


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(uninterrupted: Path, tmp_path: Path) -> None:
    recipe = ["run", write_recipe(tmp_path, engine={"kind": "simulated", "latency": 0.02}), "--dir", tmp_path / "home"]
    process = start(recipe)
    simulated.interrupt_when(process, tmp_path / "home", _refining, signal.SIGINT)
    _, output = process.communicate()
    assert process.returncode == 130
    assert "run the same command again" in output
    assert report_of(tmp_path / "home")["status"] == "interrupted"
    assert "interrupted" in run(["runs", "--dir", tmp_path / "home"]).stdout
    assert report_of(tmp_path / "home")["run"] in run(["runs", "--dir", tmp_path / "home"]).stdout
    ended = run(recipe)
    assert ended.returncode == 0, ended.stderr
    assert facts_of(report_of(tmp_path / "home")) == facts_of(report_of(uninterrupted))


def test_another_learning_rate_reuses_the_first_iteration(uninterrupted: Path) -> None:
    recipe = uninterrupted.parent / "recipe.yaml"
    ended = run(["run", recipe, "--dir", uninterrupted, "--set", "training.actor.learning_rate=1e-6"])
    assert ended.returncode == 0, ended.stderr
    first = report_of(uninterrupted)["iterations"][1]
    assert first["reused"] == {"generation": 12, "judgment": 12, "refinement": 12, "selection": 1, "training": 1}
    assert first["calls"] == {}


def test_another_recipe_in_a_home_sets_an_unfinished_run_aside(tmp_path: Path) -> None:
    home = tmp_path / "home"
    slow = ["run", write_recipe(tmp_path, engine={"kind": "simulated", "latency": 0.02}), "--dir", home]
    kill_when(start(slow), home, _generating)
    ended = run([*slow, "--set", "seed=1"])
    assert ended.returncode == 0, ended.stderr
    output = run(["runs", "--dir", home]).stdout
    assert "cancelled" in output
    assert "finished" in output


def test_one_home_runs_in_one_process(tmp_path: Path) -> None:
    recipe = ["run", write_recipe(tmp_path, engine={"kind": "simulated", "latency": 0.02}), "--dir", tmp_path / "home"]
    process = start(recipe)
    try:
        while not _generating(steps_of(tmp_path / "home")):
            assert process.poll() is None
        second = run(recipe)
        assert second.returncode == 2
        assert "Another process is running" in second.stderr
    finally:
        process.kill()
        process.communicate()
