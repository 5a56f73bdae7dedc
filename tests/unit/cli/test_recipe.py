"""`spar recipe`: lists, shows as resolved, shows as written."""

import yaml
from typer.testing import CliRunner

from spar.cli.recipe import app
from spar.recipes.load import builtin_names, load_recipe, recipe_path


def test_list_gives_each_recipe_a_line() -> None:
    lines = CliRunner().invoke(app, ["list"]).output.splitlines()
    assert [line.split()[0] for line in lines] == builtin_names()
    assert all(len(line.split()) > 3 for line in lines)


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
