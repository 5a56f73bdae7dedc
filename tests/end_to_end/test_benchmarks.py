"""A recipe whose evaluation names public benchmarks: measured at the start and after the iteration, and reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.simulated import report_of, run, write_recipe
from tests.unit.evaluation.benchmarks.places import FOLLOWBENCH, IFEVAL, LLMBAR

pytestmark = pytest.mark.end_to_end

NEGATIVES = [
    {
        "prompt": f"Write about lamp {number}.",
        "response": "No.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    }
    for number in range(3)
]


def evaluation(folder: Path) -> dict[str, Any]:
    negatives = folder / "negatives.jsonl"
    negatives.write_text("".join(f"{json.dumps(row)}\n" for row in NEGATIVES))
    return {
        "suite": "none",
        "benchmarks": {
            "ifeval": {"data": str(IFEVAL), "limit": 4, "strategy": ["actor", "greedy"]},
            "followbench": {"data": str(FOLLOWBENCH), "limit": 1},
            "llmbar": {"data": str(LLMBAR), "limit": 2, "votes": 3},
            "refinement": {"data": "negatives.jsonl"},
        },
    }


def test_benchmarks_are_measured_at_the_start_and_after_the_iteration(tmp_path: Path) -> None:
    prompts = {"source": "world:story", "per_iteration": 10, "shard_size": 5}
    recipe = write_recipe(tmp_path, iterations=1, prompts=prompts, evaluation=evaluation(tmp_path))
    ended = run(["run", recipe, "--dir", tmp_path / "home"])
    assert ended.returncode == 0, ended.stderr
    report = report_of(tmp_path / "home")
    start, after = report["iterations"]
    measured = {"ifeval", "ifeval:greedy", "followbench", "llmbar", "refinement"}
    assert set(after["benchmarks"]) == measured
    assert set(start["benchmarks"]) == measured | {"refinement:last_refiner"}
    assert "acc_last_refiner" in start["benchmarks"]["refinement:last_refiner"]["scores"]
    assert "refiner" in start["benchmarks"]["ifeval:greedy"]["settings"]
    assert "refiner" not in start["benchmarks"]["ifeval"]["settings"]
    assert start["benchmarks"]["ifeval"]["counts"]["prompts"] == 4
    assert start["benchmarks"]["llmbar"]["counts"]["items"] == 20
    assert start["benchmarks"]["llmbar"]["settings"]["votes"] == 3
    assert start["benchmarks"]["followbench"]["counts"]["not_judged"] > 0
    assert start["benchmarks"]["refinement"]["counts"]["with_rules"] == 3
    assert start["actor"]["accuracy"] is None
    assert {change["measure"] for change in report["benchmark_changes"]} == set(after["benchmarks"])
    stored = report["recipe"]["evaluation"]["benchmarks"]["refinement"]["data"]
    assert stored.startswith("stored:benchmarks/")
    page = (tmp_path / "home" / "report.html").read_text(encoding="utf-8")
    assert "On public benchmarks" in page


def test_a_judge_that_scores_is_measured_by_its_own_rubric(tmp_path: Path) -> None:
    prompts = {"source": "world:story", "per_iteration": 10, "shard_size": 5}
    recipe = write_recipe(
        tmp_path,
        iterations=1,
        prompts=prompts,
        judgment={"policy": "rubric", "votes": 3, "quorum": 2, "options": {"good": 3}},
        selection={"pairs": "extremes"},
        training={"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}, "train_refiner": False},
        evaluation={"suite": "none", "benchmarks": {"llmbar": {"data": str(LLMBAR), "limit": 1}}},
    )
    ended = run(["run", recipe, "--dir", tmp_path / "home"])
    assert ended.returncode == 0, ended.stderr
    llmbar = report_of(tmp_path / "home")["iterations"][1]["benchmarks"]["llmbar"]
    assert llmbar["settings"]["policy"] == 'rubric {"good": 3.0}'
    assert llmbar["settings"]["form"].startswith("score:")
    assert [row["subset"] for row in llmbar["tables"]["preference"]][:1] == ["Natural"]
