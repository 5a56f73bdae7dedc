"""Recipes that train nothing: how they are written, what follows, and what cannot go with it."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.iteration_settings import base_settings
from spar.recipes.load import load_recipe, to_yaml
from spar.recipes.policies import writes_refiner_data

LEAST = """\
name: mine
models: {actor: "served:a", refiner: "served:r"}
engine: {kind: openai, url: "http://localhost:1/v1"}
prompts: {source: "world:story"}
"""
NONE = LEAST + "training: none\n"


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("more", ["training: none", "training: {trains: false}", ""])
def test_served_models_train_nothing_in_one_iteration(tmp_path: Path, more: str) -> None:
    recipe = load_recipe(write(tmp_path, LEAST + more + "\n"))
    assert (recipe.training.trains, recipe.iterations, base_settings(recipe).refiner_fate) == (False, 1, "kept")
    assert writes_refiner_data(base_settings(recipe))
    assert load_recipe(write(tmp_path, to_yaml(recipe))) == recipe


def test_models_that_could_be_trained_may_be_left_as_they_are() -> None:
    assert not load_recipe("demo", ["training=none", "iterations=1"]).training.trains


def test_a_later_layer_may_train_again() -> None:
    recipe = load_recipe("demo", ["training=none", "training={actor: {epochs: 2}}"])
    assert (recipe.training.trains, recipe.training.actor.epochs, recipe.iterations) == (True, 2, 3)


def test_scores_teach_no_refiner(tmp_path: Path) -> None:
    scored = load_recipe(write(tmp_path, NONE), ["judgment.policy=rubric", "selection.pairs=extremes"])
    assert not writes_refiner_data(base_settings(scored))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("training: non\n", "mine.yaml:5: training is 'non'. Choose one of: none, or a section of keys."),
        ("training: none\niterations: 3\n", "mine.yaml:6: iterations is 3, but training is none: a second iteration"),
        ("training: none\ninit: {teacher: {model: 'served:t'}}\n", "mine.yaml:6: init trains the starting models"),
        ("training: {trains: false, mix: 'world:story-seed'}\n", "mine.yaml:5: training.mix is mixed into a training"),
        (
            "training: none\nstages: [{iterations: [1], training: {trains: true}}]\n",
            "stages.0.training trains, but training is none",
        ),
        (
            "iterations: 2\ntraining: {actor: {kind: simulated}, refiner: {kind: simulated}}\n"
            "stages: [{iterations: [1], training: none}]\n",
            "stages.0.training trains nothing, but other iterations train",
        ),
        (
            "training: {actor: {epochs: 1}}\n",
            "models.actor is served:a, which trl cannot train. Name a folder or hub: model for "
            "models.actor. For data without training, set training: none and iterations: 1.",
        ),
    ],
)
def test_what_cannot_go_with_it(tmp_path: Path, more: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, LEAST + more))
    assert told in f"{caught.value.what.removesuffix('.')}. {caught.value.fix}"
