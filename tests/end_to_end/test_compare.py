"""Two recipes from the same initial models, compared as a user does: on the story world, with its rules as models."""

import json
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.simulated import run

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    recipe = {
        "name": "rules",
        "iterations": 1,
        "models": {"actor": "builtin:story/actor", "refiner": "builtin:story/refiner"},
        "prompts": {"source": "world:story", "per_iteration": 24, "shard_size": 8},
        "templates": "compact",
        "engine": {"kind": "rules"},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
        "evaluation": {"actor_prompts": 40, "judge_items": 20, "refine_items": 10},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "sampled.yaml").write_text(
        yaml.safe_dump({**recipe, "name": "sampled", "selection": {"pairs": "sampled"}})
    )
    for name in ("recipe.yaml", "sampled.yaml"):
        ended = run(["run", folder / name, "--dir", folder / "home"])
        assert ended.returncode == 0, ended.stderr
    return folder / "home"


def test_the_second_recipe_regenerates_nothing_that_is_the_same(home: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("c.html", "c.tex", "c.csv")]
    options = [part for pair in zip(("--html", "--latex", "--csv"), files, strict=True) for part in pair]
    done = run(["compare", f"{home}:rules-", f"{home}:sampled-", *options, "--json"])
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["groups"]
    assert (first["label"], second["label"]) == ("rules", "sampled")
    assert second["work"]["calls"]["generation"] == {"own": 0, "reused": 24}
    assert second["work"]["calls"]["judgment"]["own"] == 0
    assert second["work"]["shared_calls"] >= second["work"]["reused_calls"] > 0
    assert second["work"]["own_calls_ratio"] < 1
    assert second["work"]["first_iteration_ratio"] == 0
    assert all(path.stat().st_size for path in files)


def test_on_a_terminal_it_is_two_tables_and_a_page(home: Path) -> None:
    done = run(["compare", "rules", "sampled", "--dir", home])
    assert done.returncode == 0, done.stderr
    assert "own calls" in done.stdout
    assert (home / "runs" / "comparison.html").is_file()


def test_runs_measured_on_other_items_are_refused(home: Path) -> None:
    other = ["run", home.parent / "recipe.yaml", "--dir", home, "--set", "evaluation.actor_prompts=30"]
    assert run(other).returncode == 0
    refused = run(["compare", "--dir", home, f"{home}:sampled", home])
    assert refused.returncode == 2
    assert "were not measured alike: evaluation.actor_prompts is 40 and 30" in refused.stderr
