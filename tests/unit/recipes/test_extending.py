"""Recipes over recipes: any depth, several at once, circles, and a training's keys where its method changes."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.extending import Library, over_layers
from spar.recipes.load import load_recipe
from spar.recipes.models import SftSettings
from spar.recipes.source import YamlSource, parse

FILES = {
    "a": "seed: 1\nsearch: {depth: 1, beam_width: 1}\n",
    "b": "extends: a\nsearch: {depth: 2}\n",
    "c": "extends: b\nsearch: {branch: 4}\n",
    "d": "extends: a\nseed: 4\n",
    "x": "extends: y\n",
    "y": "extends: [a, z]\n",
    "z": "extends: x\n",
}


def laid(text: str) -> YamlSource:
    library = Library(names=FILES, read=lambda name: parse(FILES[name], f"{name}.yaml"))
    return over_layers(parse(text, "mine.yaml"), library)


def told(source: YamlSource) -> list[str]:
    return [f"{problem.what}. {problem.fix}" for problem in source.problems]


def test_any_depth_and_the_place_where_each_value_was_written() -> None:
    found = laid("extends: c\nname: mine\n")
    assert found.data == {"seed": 1, "name": "mine", "search": {"depth": 2, "beam_width": 1, "branch": 4}}
    assert (found.places[("search", "depth")], found.places[("search", "beam_width")]) == ("b.yaml:2", "a.yaml:2")
    assert told(found) == []


def test_of_several_the_later_wins_and_what_both_extend_lies_below_both() -> None:
    assert laid("extends: [b, d]\n").data == {"seed": 4, "search": {"depth": 2, "beam_width": 1}}
    assert laid("extends: [d, a]\n").data["seed"] == 4  # `a` is a layer already: below d


def test_a_circle_is_told_with_its_members() -> None:
    assert told(laid("extends: x\n")) == ["is circular: x -> y -> z -> x. Let one of them extend nothing."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: q\n", "is 'q', not a built-in recipe. Name one of: a, b, c, d, x, y, z."),
        ("extends: [a, 3]\n", "is 3, not a built-in recipe. Name one of: "),
        ("extends: {a: 1}\n", "is {'a': 1}, not a built-in recipe"),
    ],
)
def test_what_is_no_recipe(text: str, expected: str) -> None:
    [problem] = told(laid(text))
    assert problem.startswith(expected)


def test_a_misspelt_name_gets_the_likely_one_and_no_complaints_that_follow_from_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: self_rewardin\nname: mine\nseed: no\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(tmp_path / "mine.yaml"))
    assert "mine.yaml:1: extends is 'self_rewardin'" in caught.value.what
    assert "Did you mean 'self_rewarding'?" in caught.value.what
    assert "mine.yaml:3: seed is 'no'" in caught.value.what
    assert "missing" not in caught.value.what


def test_a_built_in_recipe_over_another_can_be_extended(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: meta_rewarding\nname: mine\nprompts: {per_iteration: 8}\n")
    mine, theirs = load_recipe(str(tmp_path / "mine.yaml")), load_recipe("meta_rewarding")
    assert mine == theirs.model_copy(update={"name": "mine", "prompts": mine.prompts})


@pytest.mark.parametrize("by_set", [False, True])
def test_another_training_method_drops_the_keys_of_the_first(tmp_path: Path, by_set: bool) -> None:
    text = "extends: spar\nname: mine\n" + ("" if by_set else "training: {actor: {method: sft}}\n")
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "p.jsonl").write_text('{"prompt": "x"}\n')
    given = ["models.actor=hub:a/b@c", "models.refiner=hub:a/b@c", f"prompts.source={tmp_path}/p.jsonl"]
    given += ["selection.pairs=passed", *(["training.actor.method=sft"] if by_set else [])]
    actor = load_recipe(str(tmp_path / "mine.yaml"), given).training.actor
    assert isinstance(actor, SftSettings)
    assert actor.batch_size == 32  # of spar: both methods have it


def test_a_key_given_for_the_method_that_is_not_chosen_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"training.actor.beta is not a key"):
        load_recipe("demo", ["training.actor.beta=0.2", "training.actor.method=sft", "selection.pairs=passed"])
