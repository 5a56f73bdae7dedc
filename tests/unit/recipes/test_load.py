"""A recipe file becomes a recipe, or one error that names every problem with its place and fix."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.load import builtin_names, load_recipe, recipe_path, to_yaml
from spar.recipes.models import DpoSettings

MINIMAL = """\
name: mine
models:
  actor: served:a
  refiner: served:r
prompts:
  source: world:story
training:
  actor: {kind: simulated}
  refiner: {kind: simulated}
engine:
  kind: simulated
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def complaint(name: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, overrides)
    return str(caught.value)


def test_the_least_a_recipe_says_gets_the_papers_values(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, MINIMAL))
    assert (recipe.generation.n, recipe.judgment.votes, recipe.search.beam_width, recipe.search.depth) == (
        5,
        5,
        2,
        3,
    )
    assert isinstance(recipe.training.actor, DpoSettings)
    assert (recipe.training.actor.beta, recipe.training.actor.learning_rate) == (0.1, 2e-7)


def test_an_unknown_key_is_told_with_file_line_and_the_likely_name(tmp_path: Path) -> None:
    text = complaint(write(tmp_path, MINIMAL + "judgment:\n  votse: 3\n"))
    assert "mine.yaml:13: judgment.votse is not a key of a recipe" in text
    assert "Did you mean 'votes'?" in text


def test_a_key_like_no_other_gets_the_known_ones(tmp_path: Path) -> None:
    told = complaint(write(tmp_path, MINIMAL), "training.actor.lora.zzz=1")
    assert "Known keys here: alpha, dropout, merge, rank." in told


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = complaint(
        write(tmp_path, MINIMAL + "seed: yes\nsearch:\n  brnch: 3\n  beam_width: 9\ntemplates: nowhere\n"),
        "engine.kind=opnai",
        "generation",
    )
    for part in (
        "6 problems",
        "mine.yaml:12: seed is 'yes'. Write a whole number.",
        "mine.yaml:14: search.brnch is not a key of a recipe. Did you mean 'branch'?",
        "mine.yaml:15: search.beam_width is 9, but a node has only 3 children",
        "mine.yaml:16: templates has no judge.txt and no refine.txt",
        "--set engine.kind: engine.kind is 'opnai', which is not installed. Choose one of: ",
        "--set 'generation' names no key and value",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("seed: 1.5", "seed is 1.5. Write a whole number."),
        ("iterations: 0", "iterations is 0. It should be greater than 0."),
        ("profile: papre", "profile is 'papre'. Choose one of: 'fixed' or 'paper'."),
        ("search: 3", "search is 3. Write a section of keys."),
        ("search:", "search is empty. Give it a value, or delete the key"),
        ("generation: {temperature: warm}", "generation.temperature is 'warm'. Write a number."),
        ("generation: {top_p: 0}", "generation.top_p is 0. It should be greater than 0."),
        ("name: other", "name occurs twice (again in line 12)"),
        ("judgment: {votes: 2}", "quorum 3 is more than votes 2"),
    ],
)
def test_wrong_values(tmp_path: Path, line: str, told: str) -> None:
    assert told in complaint(write(tmp_path, MINIMAL + line + "\n"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "mine.yaml: is empty"),
        ("# only a comment\n", "mine.yaml: is empty"),
        ("- a\n- b\n", "holds no keys at its top level"),
        ("name: [\n", "is not YAML"),
        ("a: &x 1\nb: *x\n", "an alias"),
        ("name: mine\n\tseed: 3\n", "is not YAML: line 2"),
        ("{}", "models is missing. Add it to the recipe, or give --set models.actor=VALUE --set"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, told: str) -> None:
    assert told in complaint(write(tmp_path, text))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"name: caf\xe9\n")
    assert "is not UTF-8 text (byte 9)" in complaint(str(tmp_path / "mine.yaml"))


def test_a_name_that_is_no_recipe_lists_those_that_are() -> None:
    assert "one of: " + ", ".join(builtin_names()) in complaint("dmo")


def test_exponents_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    assert load_recipe(path, ["training.actor.learning_rate=2e-4"]).training.actor.learning_rate == 2e-4
    assert load_recipe(path, ["prompts.per_iteration=1_000"]).prompts.per_iteration == 1000


def test_later_overrides_win_and_cannot_pass_through_a_value(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    assert load_recipe(path, ["seed=1", "seed=2"]).seed == 2
    assert "cannot be set: name is a value, not a section" in complaint(path, "name.x=1")


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder in (tmp_path, elsewhere):
        (folder / "prompts.jsonl").write_text('{"prompt": "x"}\n')
    path = write(tmp_path, MINIMAL.replace("world:story", "prompts.jsonl"))
    monkeypatch.chdir(elsewhere)
    assert load_recipe(path).prompts.source == str(tmp_path / "prompts.jsonl")
    overridden = load_recipe(path, ["prompts.source=prompts.jsonl"])
    assert overridden.prompts.source == str(elsewhere / "prompts.jsonl")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "names a missing folder"),
        (["model.safetensors"], "names a folder without a config.json"),
        (["config.json", "pytorch_model.bin"], "names a model without weights"),
    ],
)
def test_model_folders_are_looked_into(tmp_path: Path, files: list[str], told: str) -> None:
    model = tmp_path / "model"
    for name in files:
        model.mkdir(exist_ok=True)
        (model / name).write_text("{}")
    assert told in complaint(write(tmp_path, MINIMAL), f"models.actor={model}")


def test_an_empty_prompts_file_and_a_missing_one(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    (tmp_path / "empty.jsonl").touch()
    assert "names an empty file" in complaint(path, f"prompts.source={tmp_path}/empty.jsonl")
    assert "names a missing file" in complaint(path, f"prompts.source={tmp_path}/none.jsonl")


def test_a_world_that_is_none(tmp_path: Path) -> None:
    assert "is not a known world. Choose world:story" in complaint(write(tmp_path, MINIMAL), "prompts.source=world:x")


def test_a_template_folder_that_leaves_a_placeholder_out(tmp_path: Path) -> None:
    for name in ("judge.txt", "refine.txt"):
        (tmp_path / name).write_text("nothing asked")
    assert "templates cannot be used" in complaint(write(tmp_path, MINIMAL), f"templates={tmp_path}")


def test_extending_changes_only_what_is_written(tmp_path: Path) -> None:
    mine = load_recipe(write(tmp_path, "extends: demo\nname: mine\nsearch:\n  depth: 1\n"))
    demo = load_recipe("demo")
    assert mine == demo.model_copy(update={"name": "mine", "search": mine.search})
    assert mine.search == demo.search.model_copy(update={"depth": 1})


WITHOUT_MODELS = ("spar", "qwen3-0.6b-single-gpu", "endpoint")
WHOLE = (
    *("demo", "no_refinement", "no_tree_search", "no_iteration", "best_of_n_dpo"),
    *("self_rewarding", "meta_rewarding", "self", "humpback", "autoif"),
)


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_recipes_load_with_what_their_heads_ask_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "x"}\n')
    given = [] if name in WHOLE else [f"prompts.source={tmp_path}/prompts.jsonl"]
    given += [f"models.{role}=hub:a/b@c" for role in ("actor", "refiner") if name in WITHOUT_MODELS]
    given += ["engine.url=http://localhost:8000/v1"] if name == "endpoint" else []
    head = recipe_path(name).read_text().partition("\nname:")[0]
    assert all(option.partition("=")[0].partition(".")[0] in head for option in given)
    recipe = load_recipe(name, given)
    assert recipe.name == name
    assert load_recipe(write(tmp_path, to_yaml(recipe))) == recipe


def test_the_papers_recipe_asks_for_models_and_prompts_only(tmp_path: Path) -> None:
    assert "spar.yaml:6: prompts.source is missing" in complaint("spar")
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "x"}\n')
    named = ["models.actor=hub:a/b@c", "models.refiner=hub:a/b@c", f"prompts.source={tmp_path}/prompts.jsonl"]
    assert load_recipe("spar", named).training.refiner.epochs == 5


def test_no_refinement_differs_from_the_demo_by_its_pairs_only() -> None:
    demo, sampled = load_recipe("demo"), load_recipe("no_refinement")
    assert sampled.selection.pairs == "sampled"
    selection = sampled.selection.model_copy(update={"pairs": "refined"})
    assert sampled.model_copy(update={"name": "demo", "selection": selection}) == demo
    assert len(recipe_path("no_refinement").read_text().splitlines()) == 3
