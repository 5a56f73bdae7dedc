"""A pilot as a user runs it: it forecasts, the full run reuses its results, and no call is repeated."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from spar.embedded.home import Home
from spar.embedded.piloting import run_pilot
from spar.embedded.runner import RunWatcher, run_to_end
from spar.embedded.staging import staging
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.planning.forecast import forecast
from spar.recipes.init import ACTOR, REFINER
from tests.end_to_end.recipes import FOR_ACTOR, PROMPTS, initialised
from tests.end_to_end.simulated import report_of, run, steps_of, write_recipe

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def piloted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("pilot")
    plan: list[str | Path] = [
        "plan",
        write_recipe(folder),
        "--pilot",
        "20",
        "--dir",
        folder / "home",
        "--price",
        "completion=2",
        "--json",
    ]
    done = run(plan)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_it_forecasts_every_step_with_an_interval(piloted: tuple[Path, dict[str, Any]]) -> None:
    found = piloted[1]
    assert (found["pilot_prompts"], found["prompts"]) == (20, 120)
    assert [step["step"] for step in found["steps"]] == ["generation", "judgment", "refinement"]
    total = found["total"]
    for name in ("calls", "tokens", "hours", "money"):
        assert 0 < total[name]["low"] <= total[name]["value"] <= total[name]["high"]
    assert total["money"]["value"] == pytest.approx(2e-6 * total["completion_tokens"]["value"])
    assert found["training_steps"]["actor"] > 0


def test_the_same_again_asks_nothing_and_says_the_same(piloted: tuple[Path, dict[str, Any]]) -> None:
    folder, found = piloted
    before = (folder / "home" / "runs").glob("*pilot*/trace.jsonl")
    size = next(before).stat().st_size
    plan: list[str | Path] = [
        "plan",
        folder / "recipe.yaml",
        "--pilot",
        "20",
        "--dir",
        folder / "home",
        "--price",
        "completion=2",
        "--json",
    ]
    assert json.loads(run(plan).stdout) == found
    assert next((folder / "home" / "runs").glob("*pilot*/trace.jsonl")).stat().st_size == size


def test_the_full_run_finds_its_results(piloted: tuple[Path, dict[str, Any]]) -> None:
    folder, found = piloted
    assert run(["run", folder / "recipe.yaml", "--dir", folder / "home"]).returncode == 0
    first = report_of(folder / "home")["iterations"][1]
    assert {kind: first["reused"][kind] for kind in ("generation", "judgment", "refinement")} == {
        "generation": 4,
        "judgment": 4,
        "refinement": 4,
    }
    own = sum(sum(entry["calls"].values()) for entry in report_of(folder / "home")["iterations"])
    truth = own + found["done"]["calls"]
    assert found["total"]["calls"]["low"] * 0.8 < truth < found["total"]["calls"]["high"] * 1.2
    trained = [step for step in steps_of(folder / "home") if step.kind is StepKind.TRAINING and "pilot" in step.run_id]
    assert [step.attempt for step in trained] == [0, 0]


def test_with_trainings_it_times_them_too(piloted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    recipe = piloted[0] / "recipe.yaml"
    done = run(["plan", recipe, "--pilot", "10", "--dir", tmp_path / "home", "--train"])
    assert done.returncode == 0, done.stderr
    assert "training: " in done.stdout
    assert "without trainings" not in done.stderr


def test_a_wrong_price_is_reported(piloted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    recipe = piloted[0] / "recipe.yaml"
    refused = run(["plan", recipe, "--pilot", "10", "--dir", tmp_path / "home", "--price", "tokens=1"])
    assert refused.returncode == 2
    assert "--price tokens=1 is not a price" in refused.stderr


def test_a_run_that_makes_its_starting_models_is_piloted_in_all_its_parts(tmp_path: Path) -> None:
    recipe, quiet = initialised(tmp_path), RunWatcher(lambda *_: None, lambda *_: None)
    with staging(recipe) as staged, Home(tmp_path / "home").lock() as home:
        facts = run_pilot(recipe, staged, home, 6, False, quiet, threading.Event()).facts
        ended = run_to_end(staged, home, quiet, threading.Event())
    assert facts is not None
    assert {iteration: bool(seen.rows) for iteration, seen in facts.initial.items()} == {ACTOR: True, REFINER: True}
    # Both starting models are trained; self-play stops before its trainings.
    assert [(each.iteration, each.role) for each in facts.trainings] == [(ACTOR, "actor"), (REFINER, "refiner")]
    found = forecast(recipe, facts, recipe.budget.price, 32)
    assert [step.step for step in found.steps] == [
        *("init actor: generation", "init refiner: generation", "init refiner: judgment", "init refiner: refinement"),
        *("generation", "judgment", "refinement", "training"),
    ]
    assert found.steps[0].calls.value == FOR_ACTOR
    assert found.steps[4].calls.value == PROMPTS
    assert set(found.training_steps) == {"init actor", "init refiner", "actor", "refiner"}
    assert ended.status is RunStatus.FINISHED, ended.reason
    mine = [step for step in steps_of(home.root) if step.run_id == ended.run_id and step.kind is StepKind.GENERATION]
    # Found again is what the teacher responded to the pilot's shard, and nothing that came of its small models.
    assert sorted(step.iteration for step in mine if step.reused) == [ACTOR]
