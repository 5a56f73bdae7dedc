"""Recipes and stored runs with former keys mean what they meant, and are the same runs under the same identities."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spar.errors import RecipeError
from spar.messages.identity import canonical_form
from spar.recipes import former_keys
from spar.recipes.former_keys import former_paths, read_former, with_former_keys, with_present_keys
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe, SearchSettings
from spar.recipes.resolve import recipe_fingerprint, to_yaml
from spar.recipes.source import parse

FORMER = """
extends: demo
name: mine
models: {actor: "builtin:story/one", refiner: "builtin:story/one", one: true}
search: {keep: 1, gate: 0.4}
honesty: {prompts: 20}
"""
PRESENT = """
extends: demo
name: mine
models: {actor: "builtin:story/one", refiner: "builtin:story/one", shared: true}
search: {beam_width: 1, accept_threshold: 0.4}
judge_audit: {prompts: 20}
"""


@pytest.fixture(autouse=True)
def _warnings_anew() -> None:
    former_keys._warn.cache_clear()


def recipe(folder: Path, text: str, *overrides: str) -> Recipe:
    path = folder / "mine.yaml"
    path.write_text(text)
    return load_recipe(str(path), overrides)


def test_a_file_with_former_keys_is_the_same_recipe(tmp_path: Path) -> None:
    former, present = recipe(tmp_path, FORMER), recipe(tmp_path, PRESENT)
    assert former == present
    assert recipe_fingerprint(former) == recipe_fingerprint(present)
    assert not {"keep", "gate", "one", "honesty"} & set(to_yaml(former).replace(":", " ").split())


def test_set_takes_former_keys_inside_sections_too(tmp_path: Path) -> None:
    changed = recipe(tmp_path, PRESENT, "search.keep=2", "honesty.stop=true", "models.one=false")
    assert (changed.search.beam_width, changed.models.shared) == (2, False)
    assert changed.judge_audit is not None
    assert changed.judge_audit.stop


def test_each_former_key_is_named_once_with_its_present_name(tmp_path: Path) -> None:
    with capture_logs() as logs:
        recipe(tmp_path, FORMER)
        recipe(tmp_path, FORMER, "search.keep=2")
    renamed = [(line["key"], line["now"]) for line in logs if line["event"] == "recipe_key_renamed"]
    assert sorted(renamed) == [
        ("honesty", "judge_audit"),
        ("models.one", "models.shared"),
        ("search.gate", "search.accept_threshold"),
        ("search.keep", "search.beam_width"),
    ]


def test_a_former_key_that_contradicts_the_present_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"search\.keep is 1, but its present name, search\.beam_width, is 2"):
        recipe(tmp_path, PRESENT.replace("beam_width: 1", "keep: 1, beam_width: 2"))
    assert recipe(tmp_path, PRESENT.replace("beam_width: 1", "keep: 1, beam_width: 1")).search.beam_width == 1


def test_two_names_of_a_key_may_not_be_set_to_two_values(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"search\.beam_width is set to 3, and to 2 as search\.keep"):
        recipe(tmp_path, PRESENT, "search.keep=2", "search.beam_width=3")
    assert recipe(tmp_path, PRESENT, "search.keep=2", "search.beam_width=2").search.beam_width == 2
    assert recipe(tmp_path, PRESENT, "search.keep=2", "search.keep=3").search.beam_width == 3


def test_stages_are_read_with_former_keys_too(tmp_path: Path) -> None:
    stages = "stages: [{iterations: [2], search: {keep: 1}}, {iterations: [3], search: {keep: 2, beam_width: 2}}]\n"
    with capture_logs() as logs:
        found = recipe(tmp_path, PRESENT + stages)
    assert [stage.search and stage.search.beam_width for stage in found.stages] == [1, 2]
    assert [line["key"] for line in logs if line["event"] == "recipe_key_renamed"] == ["stages.search.keep"]
    with pytest.raises(RecipeError, match=r"stages\.0\.search\.keep is 1, but its present name"):
        recipe(tmp_path, PRESENT + stages.replace("keep: 1", "keep: 1, beam_width: 2"))


def test_a_layer_that_is_extended_may_have_former_keys() -> None:
    source = parse("search: {keep: 1}\n", "base.yaml")
    read_former(source)
    assert source.data == {"search": {"beam_width": 1}}
    assert source.places[("search", "beam_width")] == "base.yaml:1"


def test_problems_of_a_former_key_name_the_line_it_stands_on(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"mine.yaml:5: search.beam_width is 9, but a node has only 3 children"):
        recipe(tmp_path, FORMER.replace("keep: 1", "keep: 9"))


def test_a_stored_recipe_with_former_keys_is_read(tmp_path: Path) -> None:
    found = recipe(tmp_path, PRESENT)
    stored = with_former_keys(found)
    assert {"keep", "gate"} <= stored["search"].keys()
    assert Recipe.model_validate_json(json.dumps(stored)) == found
    assert with_present_keys(json.loads(json.dumps(stored))) == found.model_dump(mode="json")


def test_what_identifies_a_result_counts_under_former_names() -> None:
    form = json.loads(canonical_form(SearchSettings()))
    assert {"keep", "gate"} <= form.keys()
    assert not {"beam_width", "accept_threshold"} & form.keys()


def test_every_former_key_has_a_present_one() -> None:
    assert {".".join(keys): present for keys, present in former_paths().items()} == {
        "honesty": "judge_audit",
        "models.one": "shared",
        "search.keep": "beam_width",
        "search.gate": "accept_threshold",
        "init.search.keep": "beam_width",
        "init.search.gate": "accept_threshold",
        "stages.search.keep": "beam_width",
        "stages.search.gate": "accept_threshold",
    }
