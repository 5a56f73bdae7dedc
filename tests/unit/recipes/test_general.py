"""General benchmarks in a recipe: what may be named, and what of it counts."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.benchmarks import benchmark_of, in_order, measured_part, shown_of, spoken
from spar.recipes.general import general_of, general_parts
from spar.recipes.load import load_recipe, recipe_fingerprint, to_yaml
from tests.unit.recipes.test_load import MINIMAL, write

OWN = "{tasks: [facts], data: tasks, run_code: true}"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "facts.yaml").write_text("task: facts\n")
    (folder / "facts.jsonl").write_text('{"question": "q", "answer": "a"}\n')
    return folder


SERVED = "{kind: openai, url: 'http://h/v1'}"


def recipe(folder: Path, general: str, engine: str = SERVED) -> str:
    start = MINIMAL[: MINIMAL.index("training:")]
    head = f"{start}training: {{trains: false}}\nengine: {engine}\n"
    text = f"{head}evaluation:\n  suite: none\n  benchmarks:\n    general: {general}\n"
    return write(folder, text)


def test_each_task_is_a_measurement_of_the_actor(tmp_path: Path) -> None:
    loaded = load_recipe(recipe(tmp_path, "{tasks: [mmlu, gsm8k]}"))
    settings = general_of(loaded.evaluation)
    assert settings is not None
    assert general_parts(settings) == {"general:mmlu": "mmlu", "general:gsm8k": "gsm8k"}
    assert (benchmark_of("general:mmlu"), shown_of("general:mmlu"), spoken("general:mmlu")) == (
        "general",
        ("mmlu",),
        "mmlu",
    )
    assert measured_part("general:mmlu") == "actor"
    assert in_order(["general:mmlu", "llmbar", "ifeval"]) == ["ifeval", "llmbar", "general:mmlu"]
    assert load_recipe(write(tmp_path, to_yaml(loaded))) == loaded


def test_task_files_count_by_their_content(tmp_path: Path, tasks: Path) -> None:
    before = recipe_fingerprint(load_recipe(recipe(tmp_path, OWN)))
    tasks.rename(tmp_path / "moved")
    assert recipe_fingerprint(load_recipe(recipe(tmp_path, OWN.replace("data: tasks", "data: moved")))) == before
    (tmp_path / "moved" / "facts.jsonl").write_text('{"question": "q", "answer": "b"}\n')
    assert recipe_fingerprint(load_recipe(recipe(tmp_path, OWN.replace("data: tasks", "data: moved")))) != before


def test_a_recipe_without_them_is_written_as_before(tmp_path: Path) -> None:
    (tmp_path / "i.jsonl").write_text("{}\n")
    loaded = load_recipe(write(tmp_path, f"{MINIMAL}evaluation:\n  benchmarks:\n    ifeval: {{data: i.jsonl}}\n"))
    written = loaded.model_dump(mode="json")["evaluation"]["benchmarks"]
    assert set(written) == {"ifeval", "followbench", "llmbar", "refinement"}


@pytest.mark.parametrize(
    ("general", "engine", "problem"),
    [
        ("{tasks: []}", SERVED, "evaluation.benchmarks.general.tasks"),
        ("{tasks: [gsm8k, gsm8k]}", SERVED, "names a task twice"),
        ("{tasks: [hellaswag]}", SERVED, "'hellaswag', which is not a known task"),
        ("{tasks: [gsm8k, facts], data: tasks, run_code: true}", SERVED, "mixes known tasks"),
        ("{tasks: [humaneval]}", SERVED, "humaneval executes code that models write"),
        ("{tasks: [facts], data: tasks}", SERVED, "facts executes code in your task files"),
        ("{tasks: [gsm8k], data: nowhere}", SERVED, "names a missing path"),
        ("{tasks: [gsm8k]}", "{kind: simulated}", "lm-eval can neither load"),
        ("{tasks: [gsm8k]}", "{kind: openai, url: 'http://h/v1', body: {a: 1}}", "is not sent with lm-eval's requests"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, tasks: Path, general: str, engine: str, problem: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(tmp_path, general, engine))
    assert problem in str(caught.value)
