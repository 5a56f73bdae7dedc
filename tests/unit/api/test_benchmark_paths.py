"""A recipe that comes over the network names no benchmark data by a path of this host, unless the API allows paths."""

from pathlib import Path

import pytest

from services.api.receiving import Received, recipe_of
from spar.errors import RecipeError

RECIPE = """\
name: mine
models: {{actor: served:a, refiner: served:r}}
prompts: {{source: 'world:story'}}
training: {{actor: {{kind: simulated}}, refiner: {{kind: simulated}}}}
engine: {{kind: simulated}}
evaluation:
  benchmarks:
    refinement: {{data: '{data}'}}
"""


def received(data: str) -> Received:
    return Received(recipe=RECIPE.format(data=data).encode())


def test_a_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_text('{"prompt": "p", "response": "r"}\n')
    named = received(str(tmp_path / "n.jsonl"))
    with pytest.raises(RecipeError, match="by a path"), recipe_of(named, allow_paths=False):
        pass
    with recipe_of(named, allow_paths=True) as recipe:
        assert recipe.evaluation is not None
    with pytest.raises(RecipeError, match="by a path"), recipe_of(received("n.jsonl"), allow_paths=True):
        pass


def test_the_world_is_no_path() -> None:
    with recipe_of(received("world:story"), allow_paths=False) as recipe:
        assert recipe.evaluation is not None
