"""`spar reproduce --run`: a run's benchmarks beside the rows that they stand for, and what was not run."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError
from spar.report.model import BenchmarkMeasures, IterationReport, RunReport


def benchmark(settings: dict[str, str | int], **scores: float) -> BenchmarkMeasures:
    named = {name.replace("__", "."): value for name, value in scores.items()}
    return BenchmarkMeasures(counts={}, scores=named, intervals={}, settings=settings)


def write(folder: Path, recipe: str, *measured: dict[str, BenchmarkMeasures]) -> Path:
    entries = [IterationReport(iteration=index, benchmarks=benchmarks) for index, benchmarks in enumerate(measured)]
    report = RunReport(
        run="r", recipe_name=recipe, seed=0, status="finished", planned_iterations=3, iterations=entries, recipe={}
    )
    path = folder / "report.json"
    path.write_text(report.model_dump_json())
    return path


def reproduce(*arguments: object) -> dict[str, Any]:
    given = ["reproduce", *(str(argument) for argument in arguments), "--json"]
    done = CliRunner().invoke(build_app("reproduce"), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def cells(told: dict[str, Any], row: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each["cells"] for each in told["rows"] if each["model"] == row)
    return found


def test_each_iteration_stands_beside_its_row(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        "llama3-8b",
        {"ifeval": benchmark({}, average=77.0)},
        {"ifeval": benchmark({}, average=80.0), "followbench": benchmark({}, ssr__average=67.0)},
    )
    told = reproduce("table1", "--run", run)
    assert cells(told, "SPaR-8B-SFT")["ifeval.average"]["ours"] == 77.0
    assert cells(told, "SPaR-8B-DPO-iter1")["ifeval.average"]["difference"] == pytest.approx(80.0 - 80.3)
    assert cells(told, "SPaR-8B-DPO-iter1")["followbench.ssr.average"]["ours"] == 67.0
    missing = {gap["model"]: gap["columns"] for gap in told["not_run"]}
    assert "followbench.ssr.average" in missing["SPaR-8B-SFT"]
    assert len(missing["SPaR-8B-DPO-iter2"]) == 11


def test_a_search_and_a_limit_are_not_taken_for_something_else(tmp_path: Path) -> None:
    searched = benchmark({"strategy": '"bfs"', "limit": 50}, average=83.0)
    run = write(tmp_path, "llama3-8b", {}, {}, {}, {"ifeval": searched})
    told = reproduce("table1", "--run", run)
    assert cells(told, "SPaR-8B-DPO-iter3 w/ tree search")["ifeval.average"]["ours"] == 83.0
    assert cells(told, "SPaR-8B-DPO-iter3")["ifeval.average"]["ours"] is None
    assert told["notes"] == ["ifeval was evaluated on the first 50 items only: not comparable with the paper."]


def test_each_strategy_stands_in_its_own_row_or_is_told(tmp_path: Path) -> None:
    measured = {
        "ifeval": benchmark({"strategy": '"actor"'}, average=80.0),
        "ifeval:bfs": benchmark({"strategy": '"bfs"'}, average=83.0),
        "ifeval:dfs": benchmark({"strategy": '"dfs"'}, average=84.0),
        "ifeval:best_of_n": benchmark({"strategy": '"best_of_n"'}, average=82.0),
    }
    run = write(tmp_path, "llama3-8b", {}, {}, {}, measured)
    told = reproduce("table1", "--run", run)
    searched = "SPaR-8B-DPO-iter3 w/ tree search"
    assert cells(told, "SPaR-8B-DPO-iter3")["ifeval.average"]["ours"] == 80.0
    assert cells(told, searched)["ifeval.average"]["ours"] == 83.0
    left_out = f"ifeval by dfs is left out: {searched} has another search's numbers."
    assert told["notes"] == [left_out, "The table has no row for ifeval by best_of_n at iteration 3."]
    whole = reproduce("table1", "--run", run, "--as", searched)
    assert cells(whole, searched)["ifeval.average"]["ours"] == 83.0
    assert (
        cells(reproduce("table1", "--run", run, "--as", "SPaR-8B-SFT"), "SPaR-8B-SFT")["ifeval.average"]["ours"] == 80.0
    )


def test_an_ablation_names_its_row_and_the_judges_columns_theirs(tmp_path: Path) -> None:
    llmbar = benchmark({}, Natural__accuracy=70.0)
    run = write(tmp_path, "no_tree_search", {"llmbar": llmbar}, {"llmbar": benchmark({}, Natural__accuracy=71.0)})
    told = reproduce("table5", "--run", run, "--as", "w/o Tree Search")
    assert cells(told, "w/o Tree Search")["llmbar.Natural.accuracy"]["ours"] == 71.0


def test_every_row_of_table_3_is_rated_by_the_last_refiner(tmp_path: Path) -> None:
    def refined(outside: float, own: float) -> BenchmarkMeasures:
        return benchmark({}, acc_judge=outside, acc_self=own)

    rated = {"refinement:last_refiner": benchmark({}, acc_last_refiner=71.0, acc_self=60.0)}
    run = write(
        tmp_path,
        "mine",
        {"refinement": refined(75.0, 60.0), **rated},
        {"refinement": refined(76.0, 61.0)},
        {},
        {"refinement": refined(79.0, 90.0)},
    )
    told = reproduce("table3", "--run", run, "--as", "SPaR-8B")
    assert cells(told, "SPaR-8B-SFT")["refinement.acc_gpt"]["ours"] == 75.0
    assert cells(told, "SPaR-8B-SFT")["refinement.acc_spar"]["ours"] == 71.0
    assert cells(told, "SPaR-8B-RFT-iter1")["refinement.acc_gpt"]["ours"] == 76.0
    assert cells(told, "SPaR-8B-RFT-iter1")["refinement.acc_spar"]["ours"] is None
    assert cells(told, "SPaR-8B-RFT-iter3")["refinement.acc_spar"]["ours"] == 90.0
    [note] = told["notes"]
    assert note.startswith("Acc-SPaR of SPaR-8B-RFT-iter1 is the last refiner's rating, which this run lacks")


def test_an_iteration_without_a_row_is_told(tmp_path: Path) -> None:
    one = {"ifeval": benchmark({}, average=1.0)}
    told = reproduce("table1", "--run", write(tmp_path, "glm-4-9b", one, one))
    assert told["notes"] == ["The table has no row for ifeval at iteration 1."]


def test_what_cannot_stand_beside_anything_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="measured no benchmark"):
        reproduce("table1", "--run", write(tmp_path, "llama3-8b", {}))
    run = write(tmp_path, "mine", {"ifeval": benchmark({}, average=1.0)})
    with pytest.raises(DataError, match="No rows to compare with") as error:
        reproduce("table1", "--run", run)
    assert "SPaR-70B, SPaR-8B, SPaR-9B" in error.value.fix
    with pytest.raises(DataError, match="no rows 'SPaR-7B'"):
        reproduce("table1", "--run", run, "--as", "SPaR-7B")


def test_general_benchmarks_fill_their_table_with_its_average_once_all_four_are_there(tmp_path: Path) -> None:
    scores = {"gsm8k": 60.0, "triviaqa": 70.0, "mmlu": 50.0, "humaneval": 40.0}
    four = {f"general:{task}": benchmark({"task": task}, **{task: value}) for task, value in scores.items()}
    three = {part: measures for part, measures in four.items() if part != "general:mmlu"}
    told = reproduce("table7", "--run", write(tmp_path, "llama3-8b", three, four))
    after = {column: cell["ours"] for column, cell in cells(told, "SPaR-8B-DPO-iter1").items()}
    assert after == {f"general.{task}": value for task, value in scores.items()} | {"general.average": 55.0}
    before = cells(told, "SPaR-8B-SFT")
    assert (before["general.gsm8k"]["ours"], before["general.average"]["ours"]) == (60.0, None)
    assert told["notes"] == []


def test_a_limit_of_a_general_benchmark_is_reported_by_its_task(tmp_path: Path) -> None:
    run = write(tmp_path, "llama3-8b", {"general:gsm8k": benchmark({"limit": 20}, gsm8k=60.0)})
    assert reproduce("table7", "--run", run)["notes"] == [
        "gsm8k was evaluated on the first 20 items only: not comparable with the paper."
    ]
