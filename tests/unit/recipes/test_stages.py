"""Stages: other settings for some iterations, made whole when a recipe is resolved."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.iteration_settings import base_settings, settings_in
from spar.recipes.load import load_recipe, recipe_fingerprint, resolve, to_yaml
from spar.recipes.models import DpoSettings, Recipe, SftSettings


def recipe(folder: Path, stages: str, head: str = "") -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(f"extends: demo\nname: staged\n{head}stages:\n{stages}")
    return load_recipe(str(path))


SFT_FIRST = """
  - iterations: [1]
    selection: {pairs: passed}
    training: {actor: {method: sft, learning_rate: 3e-4}}
"""


def test_an_iteration_without_a_stage_is_the_recipe(tmp_path: Path) -> None:
    found = recipe(tmp_path, SFT_FIRST)
    assert settings_in(found, 2) == base_settings(found)
    assert isinstance(settings_in(found, 2).training.actor, DpoSettings)


def test_a_stage_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    first = settings_in(recipe(tmp_path, SFT_FIRST), 1)
    actor = first.training.actor
    assert isinstance(actor, SftSettings)
    assert (actor.learning_rate, actor.batch_size, actor.threads) == (3e-4, 32, 1)  # its own, and the demo's
    assert actor.epochs == SftSettings().epochs  # nobody said
    assert first.selection.refiner.balance
    assert first.selection.pairs == "passed"
    assert first.search == recipe(tmp_path, SFT_FIRST).search


def test_a_key_of_the_other_method_alone_falls_away(tmp_path: Path) -> None:
    found = recipe(tmp_path, SFT_FIRST, "training: {actor: {beta: 0.2}}\n")
    assert isinstance(settings_in(found, 1).training.actor, SftSettings)
    assert found.training.actor.model_dump()["beta"] == 0.2


def test_a_stage_may_say_what_is_the_default(tmp_path: Path) -> None:
    stages = "  - iterations: [2]\n    training: {train_refiner: true}\n"
    found = recipe(tmp_path, stages, "training: {train_refiner: false}\n")
    assert [settings_in(found, number).refiner_fate for number in (1, 2, 3)] == ["kept", "trained", "kept"]


def test_a_profile_reaches_the_stages(tmp_path: Path) -> None:
    found = recipe(tmp_path, "  - iterations: [1]\n    judgment: {votes: 3}\n", "profile: paper\n")
    assert (settings_in(found, 1).judgment.votes, settings_in(found, 1).judgment.quorum) == (3, 1)


def test_stages_survive_being_written_and_resolved_again(tmp_path: Path) -> None:
    found = recipe(tmp_path, SFT_FIRST)
    assert resolve(found) == found
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(found))
    assert load_recipe(str(again)) == found
    assert Recipe.model_validate_json(found.model_dump_json()) == found


def test_stages_make_another_run(tmp_path: Path) -> None:
    plain = load_recipe("demo", ["name=staged"])
    assert recipe_fingerprint(recipe(tmp_path, SFT_FIRST)) != recipe_fingerprint(plain)


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ("  - iterations: [4]\n", "names iteration 4, but there are 3"),
        ("  - iterations: [1]\n  - iterations: [1, 2]\n", "has iteration 1 2 times"),
        ("  - iterations: []\n", "stages"),
        ("  - iterations: [1]\n    selection: {pairs: passed}\n", "makes examples, but the actor trains by dpo"),
        ("  - iterations: [1]\n    selection: {pares: passed}\n", "is not a key of a recipe"),
        ("  - iterations: [1]\n    judgment: {policy: rubrik}\n", "is 'rubrik', not a known policy"),
        ("  - iterations: [1]\n    training: {mix: world:story-seed}\n", "differs from training.mix"),
    ],
)
def test_a_stage_that_cannot_be_is_told_with_its_place(tmp_path: Path, stages: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(tmp_path, stages)
    assert told in str(caught.value)
    assert "stages" in str(caught.value)
