"""A run whose own evaluation contains its prompts: stopped before training if the recipe says so, else warned."""

import json
from pathlib import Path

import pytest

from spar.recipes.models import EvaluationPlan
from spar.submission.policy_inputs import prompts_to_exclude
from tests.end_to_end.simulated import report_of, run, write_recipe

pytestmark = pytest.mark.end_to_end

SUITE = {"actor_prompts": 60, "judge_items": 5, "refine_items": 5}


def write_contaminated_prompts(folder: Path) -> str:
    path = folder / "prompts.jsonl"
    prompts = prompts_to_exclude(EvaluationPlan.model_validate(SUITE))[:60]
    path.write_text("".join(f"{json.dumps({'prompt': prompt.text})}\n" for prompt in prompts))
    return str(path)


def marks(home: Path, iteration: int) -> dict[str, str]:
    return {each["guard"]: each["mark"] for each in report_of(home)["iterations"][iteration]["guards"]}


def test_contaminated_rows_stop_a_run_and_are_warned_of_once_they_are_accepted(tmp_path: Path) -> None:
    prompts = {"source": write_contaminated_prompts(tmp_path), "per_iteration": 30, "shard_size": 5}
    recipe = write_recipe(tmp_path, prompts=prompts, evaluation=SUITE)
    home = tmp_path / "home"

    stopped = run(["run", recipe, "--dir", home, "--set", "guards.contaminated=stop"])
    assert stopped.returncode == 2, stopped.stderr
    assert "guards: iteration 1 is not trained on: rows with a prompt of the evaluation: 100.0%" in stopped.stderr
    assert "guards.contaminated=warn" in stopped.stderr
    assert marks(home, 1)["contaminated"] == "fail"
    assert report_of(home)["iterations"][1]["training"] == {}

    resumed = run(["resume", "--dir", home, "--set", "guards.contaminated=warn"])
    assert resumed.returncode == 0, resumed.stderr
    assert [marks(home, iteration)["contaminated"] for iteration in (1, 2)] == ["warn", "warn"]
    assert marks(home, 1)["same"] == "pass"
    assert "alarm: iteration 1: rows with a prompt of the evaluation: 100.0%" in run(["status", "--dir", home]).stdout
    page = (home / "report.html").read_text(encoding="utf-8")
    assert "Guards before training" in page
    assert "<b>warn</b>" in page
