"""The worked example of docs/extending.md, as its reader would install and run it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.load import load_recipe
from tests.end_to_end.recipes import simulated_models, small
from tests.end_to_end.simulated import SPAR, report_of

pytestmark = pytest.mark.end_to_end

TRAINING_S = 280.0  # of a real model, beside other tests
PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def blocks() -> dict[str, str]:
    """The page's files: the first line of each block names its file."""
    found = re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(found)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path as pip would leave it: the modules, and a distribution with the entry points."""
    folder = tmp_path / "site"
    project = tomllib.loads(blocks()["pyproject.toml"])
    about = folder / f"{project['project']['name'].replace('-', '_')}-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: 1\n")
    groups = project["project"]["entry-points"].items()
    texts = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in names.items()) for group, names in groups
    )
    (about / "entry_points.txt").write_text("\n".join(texts))
    for name, text in blocks().items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_the_worked_example_gives_pairs_and_trains_on_them(installed: Path, tmp_path: Path) -> None:
    """As on the page: its own recipe, with the models that it names."""
    done = subprocess.run(
        [*SPAR, "run", "closest.yaml", "--dir", str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=TRAINING_S,
        check=False,
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    assert done.returncode == 0, done.stderr
    [_, only] = report_of(tmp_path / "home")["iterations"]
    assert only["outcomes"]["pair"] == only["pairs"] >= only["prompts"] // 4
    assert only["outcomes"]["unparsable"] == 0
    assert sum(only["outcomes"].values()) == only["prompts"]


def test_an_option_that_is_not_the_policys_is_refused(installed: Path, tmp_path: Path) -> None:
    overrides = [*small(*simulated_models(tmp_path)), "selection.options.lest=2"]
    with pytest.raises(
        RecipeError, match=r"selection.options.lest is not an option of this policy. Did you mean 'least'\?"
    ):
        load_recipe(str(installed / "closest.yaml"), overrides)


def test_without_the_package_the_policy_is_not_there(tmp_path: Path) -> None:
    recipe = tmp_path / "closest.yaml"
    recipe.write_text(blocks()["closest.yaml"])
    with pytest.raises(RecipeError, match="is 'closest', not a known policy") as caught:
        load_recipe(str(recipe), small(*simulated_models(tmp_path)))
    assert "spar.selection_policies" in str(caught.value)
