"""Benchmarks in a recipe's evaluation: what may be said, what counts; one that names none is as before."""

import json
from pathlib import Path

import pytest

from spar.data.readers.benchmark_files import DataFile, read_data_files, write_data_files
from spar.errors import RecipeError
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.evaluation import BenchmarkSpec, EvaluationSpec
from spar.recipes.benchmarks import benchmark_of, in_order, measurements, planned, suite_of
from spar.recipes.load import load_recipe, recipe_fingerprint, to_yaml
from spar.recipes.models import AskSettings, Recipe
from tests.unit.recipes.test_load import MINIMAL, write

AS_BEFORE = "b076c8a8092b8cee3c96b9ff6f2effbd4be149e0217bf592194147453d088132"
"""The fingerprint of the demo's actor evaluation from when a recipe could name no benchmark, at revision 1."""


def recipe(folder: Path, evaluation: str) -> str:
    return write(folder, f"{MINIMAL}evaluation:\n{evaluation}")


def complaint(folder: Path, evaluation: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(folder, evaluation))
    return str(caught.value)


def test_an_evaluation_without_benchmarks_is_named_as_before() -> None:
    loaded = load_recipe("demo")
    assert loaded.evaluation is not None
    spec = EvaluationSpec(
        part="actor",
        model=ModelRef(fingerprint="m" * 64, location="dir:/m"),
        engine=EngineIdentity.of(loaded.engine),
        templates=ObjectRef(key="templates/" + "0" * 64),
        evaluation=suite_of(loaded.evaluation),
        seed=loaded.evaluation.seed,
        pairs=None,
    )
    assert spec.model_copy(update={"revision": 1}).fingerprint() == AS_BEFORE
    written = json.loads(loaded.model_dump_json())["evaluation"]
    assert set(written) == {"suite", "seed", "actor_prompts", "judge_items", "refine_items"}


def test_data_count_by_their_content_not_by_their_place(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "deeper"
    first.write_text('{"prompt": "p", "response": "r"}\n')
    second.mkdir()
    (second / "a.jsonl").write_text(first.read_text())
    text = "  suite: none\n  benchmarks:\n    refinement: {data: PLACE, judge: {url: 'http://h/v1', model: j}}\n"

    def fingerprint(place: str, **changes: str) -> str:
        said = text.replace("PLACE", place)
        for old, new in changes.items():
            said = said.replace(f"http://{old}/v1", f"http://{new}/v1")
        return recipe_fingerprint(load_recipe(recipe(tmp_path, said)))

    assert fingerprint("a.jsonl") == fingerprint("deeper/a.jsonl") == fingerprint("a.jsonl", h="elsewhere")
    before = fingerprint("a.jsonl")
    first.write_text('{"prompt": "p", "response": "another"}\n')
    assert fingerprint("a.jsonl") != before


def test_a_recipe_written_out_whole_loads_again(tmp_path: Path) -> None:
    data = tmp_path / "n.jsonl"
    data.write_text('{"prompt": "p", "response": "r"}\n')
    loaded = load_recipe(recipe(tmp_path, "  benchmarks:\n    refinement: {data: n.jsonl, votes: 3}\n"))
    again = load_recipe(write(tmp_path, to_yaml(loaded)))
    assert again == loaded
    assert planned(again.evaluation)["refinement"].data == str(data)


SEARCHED_AS_BEFORE = "176a353c860779dc320e26458ca0cd5b4740cfc2e2340889e5cb31ca195326f5"
"""The fingerprint of a measurement by search from when a benchmark had one strategy, at revision 1."""


def searching(folder: Path, strategy: str) -> Recipe:
    (folder / "i.jsonl").write_text("{}\n")
    return load_recipe(recipe(folder, f"  benchmarks:\n    ifeval: {{data: i.jsonl, strategy: {strategy}}}\n"))


def test_one_strategy_is_written_and_counts_as_before_there_could_be_several(tmp_path: Path) -> None:
    alone, listed = searching(tmp_path, "bfs"), searching(tmp_path, "[bfs]")
    assert alone == listed
    assert alone.model_dump(mode="json")["evaluation"]["benchmarks"]["ifeval"]["strategy"] == "bfs"
    [(name, asking)] = measurements("ifeval", planned(alone.evaluation)["ifeval"]).items()
    assert (name, asking) == ("ifeval", AskSettings(strategy="bfs"))
    model = ModelRef(fingerprint="m" * 64, location="dir:/m")
    spec = BenchmarkSpec(
        benchmark=name,
        model=model,
        refiner=model,
        judge=None,
        engine=EngineIdentity.of(alone.engine),
        templates=ObjectRef(key="templates/" + "0" * 64),
        asking=asking,
        seed=0,
        data=ObjectRef(key="benchmarks/" + "0" * 64),
    )
    assert spec.model_copy(update={"revision": 1}).fingerprint() == SEARCHED_AS_BEFORE


def test_each_of_several_strategies_is_a_measurement_of_its_own(tmp_path: Path) -> None:
    loaded = searching(tmp_path, "[actor, bfs, best_of_n]")
    again = load_recipe(write(tmp_path, to_yaml(loaded)))
    assert Recipe.model_validate_json(loaded.model_dump_json()) == again == loaded
    asked = measurements("ifeval", planned(again.evaluation)["ifeval"])
    assert list(asked) == ["ifeval", "ifeval:bfs", "ifeval:best_of_n"]
    assert asked["ifeval:bfs"] == AskSettings(strategy="bfs")
    assert [benchmark_of(part) for part in (*asked, "honesty", "actor")] == ["ifeval"] * 3 + [None, None]
    assert in_order(["llmbar", "ifeval:bfs", "ifeval"]) == ["ifeval:bfs", "ifeval", "llmbar"]


@pytest.mark.parametrize(
    ("evaluation", "told"),
    [
        ("  suite: none\n", "nothing would be measured"),
        ("  benchmarks:\n    ifeval: {data: nowhere.jsonl}\n", "names a missing path"),
        ("  benchmarks:\n    ifeval: {data: 'world:story'}\n", "which is not data of ifeval"),
        (
            "  benchmarks:\n    refinement: {data: 'world:story', strategy: [bfs, best_of_responses]}\n",
            "best_of_responses does not start from given responses",
        ),
        (
            "  benchmarks:\n    llmbar: {data: 'world:story', judge: {url: u, model: m}}\n",
            "judge does not apply to llmbar",
        ),
        (
            "  benchmarks:\n    ifeval: {data: 'world:story', strategy: [actor, bsf]}\n",
            "strategy is ['actor', 'bsf']. Choose one of: actor, best_of_responses",
        ),
        ("  benchmarks:\n    ifeval: {data: 'world:story', strategy: []}\n", "strategy is []"),
        ("  benchmarks:\n    ifeval: {data: 'world:story', strategy: 3}\n", "strategy is 3"),
        ("  benchmarks:\n    ifeval: {data: 'world:story', strategy: [bfs, bfs]}\n", "it names a strategy twice"),
        ("  benchmarks:\n    ifeval: {}\n", "evaluation.benchmarks.ifeval.data is missing"),
        ("  benchmarks:\n    sudoku: {data: x}\n", "sudoku is not a key of a recipe"),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, evaluation: str, told: str) -> None:
    assert told in complaint(tmp_path, evaluation)


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "Adversarial"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text("[1,\r\n 2]", newline="")
    (tmp_path / "data" / "LICENSE").write_text("not data")
    (tmp_path / "data" / "b.jsonl").write_text("{}\n")
    files = read_data_files(tmp_path / "data")
    assert [file.name for file in files] == ["Adversarial/dataset.json", "b.jsonl"]
    assert write_data_files(files, tmp_path / "again") == tmp_path / "again"
    assert (tmp_path / "again" / "Adversarial" / "dataset.json").read_bytes() == b"[1,\r\n 2]"
    assert (
        write_data_files([DataFile(name="one.jsonl", text="{}")], tmp_path / "again")
        == tmp_path / "again" / "one.jsonl"
    )
