"""The paper's groups as data, and a draw that is uniform, seeded, and decided by the prompt alone."""

from collections import Counter
from pathlib import Path

import pytest

from spar.errors import RecipeError
from spar.evolution.statistics import chi_square
from spar.evolution.taxonomy import Taxonomy, taxonomy_named
from spar.method.records import Prompt
from spar.worlds.story.prompts import KINDS

PROMPTS = [Prompt.of(f"Write about the number {number}.") for number in range(4200)]
CHI_SQUARE_13 = (3.57, 27.69)
"""The 0.5% and 99% points of chi-square with 13 degrees of freedom: neither uneven, nor too even to be drawn."""


@pytest.fixture(scope="module")
def spar() -> Taxonomy:
    return taxonomy_named("spar")


def test_there_are_fourteen_groups_in_three_families(spar: Taxonomy) -> None:
    assert Counter(group.family for group in spar.groups) == {"format": 6, "content": 4, "general": 4}
    assert all(group.asks and len(group.examples) >= 2 for group in spar.groups)
    assert spar.avoid_as_extra == ("length",)


def test_the_story_worlds_groups_are_its_kinds_of_constraints() -> None:
    assert {group.key for group in taxonomy_named("story").groups} == set(KINDS)


def test_the_main_constraint_is_drawn_uniformly(spar: Taxonomy) -> None:
    drawn = Counter(spar.draw_main(0, prompt).key for prompt in PROMPTS)
    found = chi_square([drawn[group.key] for group in spar.groups])
    assert found is not None
    assert CHI_SQUARE_13[0] < found < CHI_SQUARE_13[1]


def test_the_draw_follows_the_seed_and_the_prompt(spar: Taxonomy) -> None:
    drawn = {seed: [spar.draw_main(seed, prompt).key for prompt in PROMPTS[:200]] for seed in (0, 1)}
    assert drawn[0] == [spar.draw_main(0, Prompt.of(prompt.text)).key for prompt in PROMPTS[:200]]
    same = sum(one == other for one, other in zip(drawn[0], drawn[1], strict=True))
    assert same < 40  # 14 expected


@pytest.mark.parametrize(
    "text",
    [
        "name: x\nfamilies: {f: {a: {asks: b, examples: []}}}",  # one group
        "name: x\nfamilies: {f: {a: {asks: b}, c: {asks: d, examples: []}}}",
        "name: x\nfamilies: {f: {a: {asks: b, examples: []}}, g: {a: {asks: b, examples: []}}}",
        "name: x\nfamilies: {f: {a: {asks: b, examples: []}, c: {asks: d, examples: []}}}\navoid_as_extra: [e]",
        "{",
    ],
)
def test_a_file_that_is_no_taxonomy_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError):
        taxonomy_named(str(file))


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: x\nfamilies: {f: {a: {asks: b, examples: [c]}, d: {asks: e, examples: []}}}", encoding="utf-8"
    )
    assert [group.title for group in taxonomy_named(str(file)).groups] == ["a", "d"]
    with pytest.raises(RecipeError, match="absent"):
        taxonomy_named(str(tmp_path / "absent.yaml"))
