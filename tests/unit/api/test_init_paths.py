"""A recipe that comes over the network names no training sets or prompts for its starting models by a path."""

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
init:
  teacher: {{model: 'served:t'}}
  actor: {{kind: simulated}}
  refiner: {{kind: simulated}}
  {more}
"""


def received(more: str) -> Received:
    return Received(recipe=RECIPE.format(more=more).encode())


@pytest.mark.parametrize("key", ["data: {{actor: ['{file}']}}", "prompts: {{source: '{file}'}}"])
def test_a_path_is_refused_unless_the_api_allows_paths(tmp_path: Path, key: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "p"}\n')
    here, elsewhere = received(key.format(file=file)), received(key.format(file="rows.jsonl"))
    with pytest.raises(RecipeError, match="this API does not take"), recipe_of(here, allow_paths=False):
        pass
    with recipe_of(here, allow_paths=True) as recipe:
        assert recipe.init is not None
    with pytest.raises(RecipeError, match="this API does not take"), recipe_of(elsewhere, allow_paths=True):
        pass


def test_a_teacher_that_is_only_asked_is_no_path() -> None:
    with recipe_of(received("prompts: {actor: 4, refiner: 4}"), allow_paths=False) as recipe:
        assert recipe.init is not None
