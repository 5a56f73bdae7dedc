"""Methods over models: every combination resolves to the paper's settings, and nothing of the story world survives."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spar.errors import RecipeError
from spar.recipes.builtins import builtin_names, method_names
from spar.recipes.composing import BACKBONES, composed_name, methods_over_models, parts_of
from spar.recipes.load import load_recipe, open_recipe
from spar.recipes.models import DpoSettings, Recipe

COMBINATIONS = [(method, backbone) for method in method_names() for backbone in BACKBONES]
NO_TEACHER = ("autoif", "humpback")
"""Methods that begin with the model as it is."""


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """What no recipe can know."""
    (tmp_path / "rows.jsonl").write_text('{"prompt": "x", "checkers": ["def evaluate(response):\\n    return True"]}\n')
    data = [f"evaluation.benchmarks.{name}.data={tmp_path}" for name in ("ifeval", "followbench", "llmbar")]
    return [f"prompts.source={tmp_path}/rows.jsonl", *data]


def resolved(method: str, backbone: str, given: list[str]) -> Recipe:
    source = given[0].partition("=")[2]
    more = [f"training.mix={source}"] if method == "humpback" or (method, backbone) == ("self", "llama3-70b") else []
    more += ["models.backward=hub:a/b@c"] if method == "humpback" else []
    return load_recipe(composed_name(method, backbone), [*given, *more], run_here=False)


def leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner, at)
    else:
        yield at, value


def is_toy(keys: tuple[str, ...], value: Any) -> bool:
    """Whether a value is of tiny models, or of what they are run on."""
    match keys[-1], value:
        case (("max_tokens" | "judge_tokens" | "max_length"), int()):
            return value < 2048
        case "learning_rate", float():
            return value > 2e-6
        case "dtype", str():
            return keys[0] != "init" and value != "bfloat16"
        case "per_iteration", int():
            return value < 10_000
        case ("threads", int()) | ("contested_only", False) | ("balance", True):
            return keys[0] != "init"
        case _, str():
            return value.startswith(("world:", "builtin:")) or value in ("compact", "story", "rules", "transformers")
    return False


@pytest.mark.parametrize(("method", "backbone"), COMBINATIONS)
def test_no_value_of_the_story_world_survives(method: str, backbone: str, given: list[str]) -> None:
    recipe = resolved(method, backbone, given)
    toys = [(keys, value) for keys, value in leaves(recipe.model_dump(mode="json")) if is_toy(keys, value)]
    assert toys == []
    written = {re.sub(r":\d+$", "", place) for place in open_recipe(recipe.name, given).source.places.values()}
    ours = {f"{recipe.name}.yaml", "spar.yaml", f"{backbone}.yaml", f"methods/{method}.yaml", "layers/paper_setup.yaml"}
    assert {place for place in written if not place.startswith("--set")} <= ours


def test_the_demo_is_full_of_toy_values() -> None:
    """Else the check above would find nothing anywhere."""
    toys = {keys[-1] for keys, value in leaves(load_recipe("demo").model_dump(mode="json")) if is_toy(keys, value)}
    assert {"max_tokens", "max_length", "learning_rate", "dtype", "per_iteration", "templates", "source"} <= toys


@pytest.mark.parametrize(("method", "backbone"), COMBINATIONS)
def test_the_paper_begins_with_a_teacher_and_ends_with_its_benchmarks(
    method: str, backbone: str, given: list[str]
) -> None:
    recipe = resolved(method, backbone, given)
    assert (recipe.init is None) == (method in NO_TEACHER or backbone == "llama3-70b")
    if recipe.init is not None:
        assert recipe.init.teacher is not None
        assert recipe.init.teacher.model == "served:gpt-4o-mini"
        assert recipe.init.judgment.policy == recipe.judgment.policy
        assert recipe.init.actor.launch == recipe.init.refiner.launch == recipe.training.actor.launch
    assert recipe.evaluation is not None
    assert recipe.evaluation.benchmarks is not None
    assert {name for name, each in recipe.evaluation.benchmarks if each} == {"ifeval", "followbench", "llmbar"}


@pytest.mark.parametrize(
    ("method", "weight"),
    [("spar", 0.1), ("no_refinement", 0.1), ("self_rewarding", 0.0), ("meta_rewarding", 0.0), ("autoif", 0.0)],
)
def test_only_spar_and_its_ablations_have_an_nll_term(method: str, weight: float, given: list[str]) -> None:
    for recipe in (resolved(method, "llama3-8b", given), load_recipe(method if method != "spar" else "demo")):
        assert isinstance(recipe.training.actor, DpoSettings)
        assert recipe.training.actor.nll_weight == weight


def test_without_iterations_the_refiners_caps_grow_as_its_prompts_do(given: list[str]) -> None:
    three, one = resolved("spar", "llama3-8b", given), resolved("no_iteration", "llama3-8b", given)
    assert one.prompts.per_iteration == three.iterations * three.prompts.per_iteration
    caps = ("refinements", "tree_yes", "tree_no", "response_no", "response_yes")
    assert all(
        getattr(one.selection.refiner, cap) == three.iterations * getattr(three.selection.refiner, cap) for cap in caps
    )


@pytest.mark.parametrize("order", ["[self_rewarding, llama3-8b]", "[llama3-8b, self_rewarding]"])
def test_a_list_of_a_method_and_a_model_is_the_method_over_the_model(
    tmp_path: Path, order: str, given: list[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(f"extends: {order}\nname: mine\n")
    mine = load_recipe(str(tmp_path / "mine.yaml"), given, run_here=False)
    assert mine == resolved("self_rewarding", "llama3-8b", given).model_copy(update={"name": "mine"})


def test_what_else_a_list_names_is_laid_over_them() -> None:
    methods = ["m", "n"]
    over = ["layers/paper_setup", "llama3-8b", "methods/m", "methods/n", "x"]
    assert methods_over_models(["x", "m", "llama3-8b", "n"], methods) == over
    assert methods_over_models(["m", "x"], methods) == ["m", "x"]
    assert methods_over_models(["llama3-8b", "x"], methods) == ["llama3-8b", "x"]


def test_names_of_combinations_are_told_apart() -> None:
    assert parts_of("self_rewarding-llama3-8b", ["self", "self_rewarding"]) == ("self_rewarding", "llama3-8b")
    assert parts_of("llama3-8b", method_names()) is None
    assert parts_of("demo-llama3-8b", method_names()) is None
    assert not {composed_name(*each) for each in COMBINATIONS} & set(builtin_names())


def test_what_a_recipe_leaves_to_its_user_is_missing_until_it_is_given(given: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("humpback-llama3-8b", given, run_here=False)
    assert "models.backward is missing. Add it to the recipe, or give --set models.backward=VALUE." in caught.value.what
    assert "training.mix is missing" in caught.value.what
    assert caught.value.what.count("\n") == 2
    assert resolved("humpback", "llama3-8b", given).models.backward == "hub:a/b@c"
