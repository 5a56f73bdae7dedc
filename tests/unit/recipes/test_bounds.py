"""A recipe may come from anybody: what is too much, too deep or no text is refused, and soon."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.receiving import JSON, Received, recipe_of
from spar.errors import RecipeError
from spar.recipes.source import LARGEST_TEXT, MOST_VALUES, parse
from spar.texts import is_storable

PROCESSOR_S = 5.0  # the slowest of these takes a quarter of a second, and took minutes
HARD = {
    "3 MB": b"".join(b"k%d: %d\n" % (n, n) for n in range(250_000)),
    "many keys": b"".join(b"k%d: %d\n" % (n, n) for n in range(15_000)),
    "many unknown keys": b"".join(b"k%d: %d\n" % (n, n) for n in range(MOST_VALUES - 100)),
    "deep": b"a: " + b"[" * 100_000,
    "deep dashes": b"- " * 100_000,
    "many documents": b"---\n" * 50_000,
    "a long number": b"a: " + b"9" * 200_000,
    "aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "merge keys": b"a: &a {x: 1}\nb:\n  <<: *a\n",
}


def refused(recipe: bytes, kind: str = "application/yaml", *overrides: str) -> str:
    began = time.process_time()
    with (
        pytest.raises(RecipeError) as caught,
        recipe_of(Received(recipe=recipe, content_type=kind, overrides=overrides), allow_paths=False),
    ):
        pass
    assert time.process_time() - began < PROCESSOR_S
    assert is_storable(str(caught.value))
    assert len(str(caught.value)) < 20_000
    return str(caught.value)


@pytest.mark.parametrize("recipe", HARD.values(), ids=HARD.keys())
def test_what_would_take_long_is_refused_soon(recipe: bytes) -> None:
    refused(recipe)


@pytest.mark.parametrize("json", [b'{"a": ' + b"[" * 50_000, b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": "\\ud800"}'])
def test_the_same_of_json(json: bytes) -> None:
    refused(json, JSON)
    wide = b"{" + b",".join(b'"k%d": 1' % n for n in range(10_000)) + b"}"
    assert "larger" in refused(wide, JSON)


def test_the_same_of_overrides() -> None:
    assert "longer than" in refused(b"name: a", "", "a.b=" + "x" * 100_000)
    assert "longer than" in refused(b"name: a", "", ".".join("a" * 5_000) + "=1")
    refused(b"name: a", "", *[f"a.k{n}={'[' * 9_000}" for n in range(200)])
    assert "cannot be stored" in refused(b"name: a", "", 'a.b="\\0"')


@pytest.mark.parametrize("recipe", [b'name: "a\\0b"', b'name: {x: ["\\0"]}', b'"\\0": 1', b'name: "\\ud800"'])
def test_what_cannot_be_stored_is_refused(recipe: bytes) -> None:
    refused(recipe)


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    source = parse(text, "recipe")
    assert source.data or source.problems


def test_the_largest_recipe_is_read() -> None:
    source = parse("name: a\n#" + "x" * (LARGEST_TEXT - 9), "recipe")
    assert source.data == {"name": "a"}


@pytest.mark.parametrize("text", ["name: a\ud800b", "name: a\x00b"])
def test_a_text_that_no_table_takes_is_refused(text: str) -> None:
    [problem] = parse(text, "recipe.yaml").problems
    assert "holds " in problem.what
