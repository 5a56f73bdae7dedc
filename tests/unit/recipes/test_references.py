"""How models and files are named, and what was probably meant by a name that nothing has."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.load import load_recipe
from spar.recipes.references import BUILTIN_MODELS, hub_reference
from spar.worlds.story.builtin import NAMES


def refused(role: str, value: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe("demo", [f"models.{role}={value}"])
    return str(caught.value)


def test_the_built_in_models_are_those_that_are_carried() -> None:
    assert BUILTIN_MODELS == NAMES


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("Qwen/Qwen3-0.6B", "For the model on the Hugging Face Hub write hub:Qwen/Qwen3-0.6B@REVISION (REVISION is a"),
        ("Qwen/Qwen3-0.6B@c1899de", "write hub:Qwen/Qwen3-0.6B@c1899de ("),
        ("https://huggingface.co/Qwen/Qwen3-0.6B/tree/main", "write hub:Qwen/Qwen3-0.6B@main ("),
        ("hub:Qwen/Qwen3-0.6B", "which names no revision. Write hub:Qwen/Qwen3-0.6B@REVISION."),
        ("hub:Qwen Qwen3", "not a name on the hub. Write hub:ORG/NAME@REVISION."),
        ("sreved:gpt-4o", "Did you mean 'served:gpt-4o'?"),
        ("'served:'", "which names no model. Write served:NAME"),
        ("builtin:story/actr", "which is not a built-in model. Did you mean 'builtin:story/actor'?"),
        ("builtin:zzz", "Choose one of: story/backbone, story/actor"),
        ("here", "Name a folder, or one of builtin:NAME, hub:ORG/NAME@REVISION, served:NAME."),
    ],
)
def test_a_model_that_is_not_there(value: str, told: str) -> None:
    assert told in refused("actor", value)


def test_a_path_with_a_typo_gets_the_likely_one(tmp_path: Path) -> None:
    (tmp_path / "models" / "actor-sft").mkdir(parents=True)
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "x"}\n')
    with pytest.raises(RecipeError) as caught:
        load_recipe("demo", [f"models.actor={tmp_path}/mdoels/actor_sft", f"prompts.source={tmp_path}/promts.jsonl"])
    assert f"Did you mean {tmp_path}/models/actor-sft?" in str(caught.value)
    assert f"Did you mean {tmp_path}/prompts.jsonl?" in str(caught.value)


def test_a_name_like_one_on_the_hub_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org" / "model").mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "org" / "model" / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert load_recipe("demo", ["models.actor=org/model"]).models.actor == str(tmp_path / "org" / "model")


def test_what_is_no_name_on_the_hub() -> None:
    assert [hub_reference(value) for value in ("model", "a/b/c", "./model", "/abs/model", "~/m")] == [None] * 5
