"""No recipe and no option takes a server's URL with a credential in it, and no message repeats it."""

from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.inference.endpoints import endpoint
from spar.recipes.load import load_recipe

URLS = ["http://me:hunter-the-2nd@h:1/v1", "https://hunter-the-2nd@h/v1", "https://h/v1?key=hunter-the-2nd"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("where", ["engine: {kind: openai, url: '%s'}", "judge_audit: {judge: {url: '%s', model: m}}"])
def test_a_recipe_holds_no_credential(tmp_path: Path, url: str, where: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"extends: demo\n{where % url}\n")
    with pytest.raises(RecipeError, match="SPAR_ENGINE_API_KEY") as caught:
        load_recipe(str(file))
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("url", URLS)
def test_nor_does_an_option(url: str) -> None:
    with pytest.raises(RecipeError, match="SPAR_JUDGE_API_KEY") as caught:
        endpoint("judge", f"{url}#m")
    assert "hunter" not in str(caught.value)


def test_a_url_with_a_version_is_taken() -> None:
    assert (
        endpoint("judge", "https://h/v1?api-version=2024-02-01#m").settings.url == "https://h/v1?api-version=2024-02-01"
    )
