"""What a run's general benchmarks ask: by the sizes of lm-eval's tasks, for every actor that a run has."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import ItemCounts
from spar.planning.general import calls_of
from spar.planning.measuring import measuring_of
from spar.planning.plan_inputs import benchmark_items
from spar.recipes.load import load_recipe
from spar.recipes.models import GeneralSettings


def counted(items: int, judged: int = 0) -> ItemCounts:
    return ItemCounts(items=items, judged=judged)


def test_every_task_is_counted_for_every_actor() -> None:
    tasks = "evaluation.benchmarks.general.tasks=[gsm8k, mmlu]"
    recipe = load_recipe("demo", [tasks, "evaluation.benchmarks.general.limit=10", "iterations=2"])
    items = benchmark_items(recipe)
    assert items == {
        "general:gsm8k": counted(10),
        "general:mmlu": counted(570),
    }  # the limit is of each of 57 subjects
    found = {each.name: each for each in measuring_of(recipe, items)}
    assert found["general:gsm8k"].times == 3
    assert found["general:gsm8k"].own.most == 30
    assert found["general:mmlu"].own.most == 3 * 570 * 4  # each of four choices


def test_a_longest_response_bounds_what_is_written_and_no_likelihood() -> None:
    short = GeneralSettings(tasks=("gsm8k", "mmlu"), max_tokens=8)
    assert calls_of("gsm8k", 2, short).written == 16
    assert calls_of("mmlu", 2, short).written == 8  # one token of each choice


def test_tasks_of_ones_own_have_at_most_the_rows_beside_them(tmp_path: Path) -> None:
    (tmp_path / "facts.yaml").write_text("task: facts\n")
    (tmp_path / "facts.jsonl").write_text("{}\n" * 3)
    overrides = [f"evaluation.benchmarks.general={{tasks: [facts], data: {tmp_path}, run_code: true}}"]
    assert benchmark_items(load_recipe("demo", overrides)) == {"general:facts": counted(3)}
