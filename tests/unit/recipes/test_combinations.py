"""What cannot be done though every value alone is fine, and what is only warned of."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.recipes.combinations import warnings
from spar.recipes.load import load_recipe


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["engine.kind=openai"], "engine.kind openai needs an engine.url"),
        (["engine.kind=openai", "engine.url=http://x/v1"], "cannot load the models which trl trains"),
        (["engine.url=http://x/v1"], "does not apply to the engine transformers"),
        (["engine.url=localhost:8000"], "Write http://HOST:PORT/v1"),
        (["engine.body={top_k: 5}"], "sends no requests"),
        (["engine.headers={X-Org: a}"], "sends no requests"),
        (["models.refiner=served:big"], "which trl cannot train"),
        (["training.actor.kind=ppo"], "which is not installed"),
        (["search.beam_width=4"], "a node has only 3 children"),
        (["selection.pairs=sampled", "generation.n=1"], "a pair takes two responses"),
        (["training.actor.micro_batch_size=5"], "does not divide batch_size 32"),
        (["training.actor.launch.processes=3"], "launch.processes is 3, which does not divide batch_size 32"),
        (
            ["training.actor.launch.processes=4", "training.actor.micro_batch_size=16"],
            "does not divide batch_size 32 (divided by 4 processes)",
        ),
        (
            ["training.refiner.lora.rank=8", "training.refiner.launch.config=fsdp"],
            "with lora every process holds the whole frozen model",
        ),
        (["training.actor.launch.config=nowhere.yaml"], "names a missing file"),
        (
            [f"selection.refiner.{cap}=0" for cap in ("refinements", "tree_yes", "tree_no")]
            + ["selection.refiner.response_no=0", "selection.refiner.response_yes=0"],
            "the refiner would have no training data",
        ),
    ],
)
def test_impossible(overrides: list[str], told: str) -> None:
    with pytest.raises(RecipeError, match=r"demo|--set") as caught:
        load_recipe("demo", overrides)
    assert told in str(caught.value)
    assert caught.value.fix


def test_keep_above_branch_matters_to_breadth_first_only() -> None:
    assert load_recipe("demo", ["search.beam_width=4", "search.policy=dfs"]).search.beam_width == 4


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ([], ""),
        (["templates=spar"], "understand only the templates `compact`"),
        (["generation.temperature=0"], "all responses to a prompt will be the same"),
        (["generation.temperature=0", "generation.n=1"], ""),
        (["judgment.temperature=0"], "all votes will agree"),
        (["search.temperature=0"], "all refinements of a node will be the same"),
        (["budget.price.teacher.prompt_million=1"], "has no effect without an init.teacher"),
    ],
)
def test_unwise(overrides: list[str], told: str) -> None:
    found = warnings(load_recipe("demo", overrides))
    assert [told in text for text in found] == ([True] if told else [])


def test_a_launch_file_is_found_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("distributed_type: FSDP\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("extends: demo\nname: mine\ntraining:\n  actor:\n    launch:\n      config: mine.yaml\n")
    assert load_recipe(str(recipe)).training.actor.launch.config == str(tmp_path / "mine.yaml")
