"""The reference and the schema of recipes: complete, up to date, and true of the built-in recipes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from spar.cli.recipe import app
from spar.recipes.key_types import is_number, models_in, type_of, unit_of
from spar.recipes.load import builtin_names, recipe_path
from spar.recipes.meanings import meanings
from spar.recipes.models import ActorSettings, Count, Positive, Recipe, Share, Temperature
from spar.recipes.reference import Key, parts
from spar.recipes.source import parse, read_source

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(("command", "name"), [("reference", "recipe.md"), ("schema", "recipe.schema.json")])
def test_the_kept_file_is_what_the_command_writes(command: str, name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [command, "--out", str(tmp_path / name)])
    assert done.exit_code == 0
    stale = f"docs/reference/{name} is not what the models say: run `make reference` and commit it"
    assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), stale


def sections(model: type[BaseModel] = Recipe) -> set[type[BaseModel]]:
    inner = {each for field in model.model_fields.values() for each in models_in(field.annotation)}
    return {model}.union(*(sections(each) for each in inner))


@pytest.mark.parametrize("section", sorted(sections(), key=lambda each: each.__name__))
def test_every_key_has_a_meaning_and_every_number_a_unit(section: type[BaseModel]) -> None:
    for name, field in section.model_fields.items():
        assert meanings(section).get(name), f"{section.__name__}.{name} has no text that says what it means"
        unit = unit_of(field.annotation, field.metadata)
        assert unit or not is_number(field.annotation), f"{section.__name__}.{name} has no Unit"


def keys(place: str) -> dict[str, Key]:
    [part] = [part for part in parts() if part.place == place]
    return {key.name: key for key in part.keys}


def test_defaults_are_those_of_the_place() -> None:
    assert keys("generation")["temperature"].default == "0.9"
    assert keys("init.generation")["temperature"].default == "0.7"
    assert keys("init.search")["policy"].default == "greedy"
    assert keys("training.actor (method: sft)")["learning_rate"].default == "1e-06"
    assert keys("models")["actor"].default == "required"
    assert (keys("engine")["latency"].unit, keys("engine")["deadline_s"].unit) == ("seconds", "seconds")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Positive, "whole number, 1 or more"),
        (Count | None, "whole number, 0 or more; or null"),
        (Share, "number, 0 or more, at most 1"),
        (Temperature, "number, 0 or more, at most 2"),
        (dict[str, float], "your own keys, each with a number"),
        (tuple[str, ...], "list of text"),
        (ActorSettings, "section"),
        (str | None, "text or null"),
    ],
)
def test_types_in_words(annotation: Any, words: str) -> None:
    assert type_of(annotation) == words


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    loaded = json.loads((FOLDER / "recipe.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_recipes_follow_the_schema(schema: jsonschema.Draft202012Validator, name: str) -> None:
    schema.validate(read_source(recipe_path(name), name).data)


@pytest.mark.parametrize(
    "text",
    [
        "extends: [spar, demo]\nname: mine\n",
        "training: none\n",
        "evaluation: {benchmarks: {ifeval: {data: x, strategy: bfs}}}\n",
        "evaluation: {benchmarks: {ifeval: {data: x, strategy: [actor, bfs]}}}\n",
        "engine: {body: {chat_template_kwargs: {enable_thinking: false}}}\n",
        "stages: [{iterations: [1], training: {actor: {method: sft, packing: true}}}]\n",
    ],
)
def test_what_a_recipe_may_say_follows_the_schema(schema: jsonschema.Draft202012Validator, text: str) -> None:
    schema.validate(parse(text, "mine.yaml").data)


@pytest.mark.parametrize(
    "text",
    [
        "extends: dmo\n",
        "judgment: {votse: 3}\n",
        "training: some\n",
        "seed: -1\n",
        "search: {policy: wide}\n",
        "generation: {temperature: 3}\n",
    ],
)
def test_what_it_may_not_say_does_not(schema: jsonschema.Draft202012Validator, text: str) -> None:
    assert not schema.is_valid(parse(text, "mine.yaml").data)
