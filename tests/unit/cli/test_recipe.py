"""`spar recipe`: lists, shows as resolved, shows as written."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from spar.cli.recipe import app
from spar.recipes.load import builtin_names, load_recipe, recipe_path, to_yaml


def test_list_gives_each_recipe_a_line() -> None:
    recipes, _, methods = CliRunner().invoke(app, ["list"]).output.partition("\n\n")
    lines = recipes.splitlines()
    assert [line.split()[0] for line in lines] == builtin_names()
    assert all(len(line.split()) > 3 for line in lines)
    assert "  methods: autoif, best_of_n_dpo, humpback," in methods
    assert "  models: glm-4-9b, llama3-70b, llama3-8b, mistral-7b" in methods


def test_source_of_a_method_over_a_model_names_its_layers() -> None:
    done = CliRunner().invoke(app, ["show", "humpback-mistral-7b", "--source"])
    assert "extends: [layers/paper_setup, mistral-7b, methods/humpback]" in done.stdout
    shown = CliRunner().invoke(app, ["show", "humpback-mistral-7b"]).stdout.splitlines()
    assert "  mix: null  # MISSING, and required: give it here, or by --set training.mix=VALUE" in shown
    assert any(line.startswith("  pairs: passed  # methods/humpback.yaml:") for line in shown)


def test_show_prints_the_resolved_recipe() -> None:
    done = CliRunner().invoke(app, ["show", "demo", "--set", "seed=7"])
    assert yaml.safe_load(done.stdout) == load_recipe("demo", ["seed=7"]).model_dump(mode="json")


def test_show_source_prints_the_file_as_it_is() -> None:
    done = CliRunner().invoke(app, ["show", "spar", "--source"])
    assert done.stdout == recipe_path("spar").read_text()


def test_show_warns_on_stderr_only() -> None:
    done = CliRunner().invoke(app, ["show", "demo", "--set", "templates=spar"])
    assert "warning: prompts come from world:story" in done.stderr
    assert "warning" not in done.stdout


@pytest.mark.parametrize("name", builtin_names())
def test_show_prints_any_built_in_recipe(name: str) -> None:
    done = CliRunner().invoke(app, ["show", name])
    assert done.exit_code == 0, done.stderr
    assert yaml.safe_load(done.stdout)["name"] == name
    assert ("MISSING" in done.stdout) == ("recipe is incomplete" in done.stderr)


def test_show_marks_what_is_missing_and_names_each_values_layer() -> None:
    done = CliRunner().invoke(app, ["show", "llama3-8b", "--set", "seed=7", "--set", "profile=paper"])
    for line in (
        "  source: null  # MISSING, and required: give it here, or by --set prompts.source=VALUE",
        "seed: 7  # --set seed",
        "  kind: vllm  # llama3-8b.yaml:14",
        "  per_iteration: 10000  # spar.yaml:7",
        "  shard_size: 16  # default",
        "  quorum: 1  # profile paper",
    ):
        assert line in done.stdout.splitlines()
    assert "give --set prompts.source=VALUE" in done.stderr


def test_show_without_origins_is_the_recipe_alone() -> None:
    done = CliRunner().invoke(app, ["show", "demo", "--no-origins"])
    assert done.stdout == to_yaml(load_recipe("demo"))


def test_show_prints_a_recipe_whose_files_are_not_here_and_reports_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["show", "demo", "--set", f"prompts.source={tmp_path}/nowhere.jsonl"])
    assert "nowhere.jsonl  # --set prompts.source" in done.stdout
    assert "names a missing file" in str(done.exception)


def test_show_gives_text_that_loads_as_the_same_recipe(tmp_path: Path) -> None:
    text = "extends: demo\nname: mine\ntraining: none\niterations: 1\nevaluation: null\n"
    (tmp_path / "mine.yaml").write_text(text)
    done = CliRunner().invoke(app, ["show", str(tmp_path / "mine.yaml")])
    assert "training: none  # mine.yaml:3" in done.stdout.splitlines()
    (tmp_path / "again.yaml").write_text(done.stdout)
    again, mine = load_recipe(str(tmp_path / "again.yaml")), load_recipe(str(tmp_path / "mine.yaml"))
    assert again.model_copy(update={"training": mine.training}) == mine
