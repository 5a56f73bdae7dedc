"""The groups of constraints as data, and the draw of a prompt's main constraint. Knows no forms.

A taxonomy is a YAML file: families of groups, each with a description and examples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from spar.errors import RecipeError
from spar.method.records import Prompt
from spar.method.seeds import derive_seed

BUILTIN = ("spar", "story")
MAIN = "main_constraint"
"""Seed step of the draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintGroup:
    """One kind of constraint; `key` names it in replies and counts."""

    key: str
    family: str
    asks: str
    examples: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.key.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All groups in file order. The teacher should prefer additional constraints outside `avoid_as_extra`."""

    name: str
    groups: tuple[ConstraintGroup, ...]
    avoid_as_extra: tuple[str, ...] = ()

    def group(self, key: str) -> ConstraintGroup:
        return next(group for group in self.groups if group.key == key)

    def draw_main(self, seed: int, prompt: Prompt) -> ConstraintGroup:
        """The prompt's main constraint: uniform over the groups, determined by the seed and the prompt's text alone.

        63 bits over a few groups: the modulo bias is below 1 in 10^17.
        """
        return self.groups[derive_seed(seed, 0, prompt.id, MAIN) % len(self.groups)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    asks: str
    examples: list[str]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    families: dict[str, dict[str, _Group]]
    avoid_as_extra: list[str] = []

    def groups(self) -> Iterator[ConstraintGroup]:
        for family, groups in self.families.items():
            for key, group in groups.items():
                yield ConstraintGroup(key=key, family=family, asks=group.asks, examples=tuple(group.examples))


def taxonomy_named(name: str) -> Taxonomy:
    """A built-in taxonomy, or one from a file. Raises RecipeError for an unusable one."""
    if name in BUILTIN:
        return read_taxonomy(files("spar.evolution") / "taxonomies" / f"{name}.yaml")
    return read_taxonomy(Path(name))


def read_taxonomy(file: Traversable) -> Taxonomy:
    """A taxonomy from a YAML file. Raises RecipeError for one that cannot be read or contradicts itself."""
    try:
        content = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise RecipeError(
            f"{file} is not a taxonomy: {' '.join(str(error).split())[:300]}.",
            f"Name one of {', '.join(BUILTIN)}, or write a YAML file like shared/spar/evolution/taxonomies/spar.yaml.",
        ) from error
    groups = tuple(content.groups())
    keys = [group.key for group in groups]
    if len(groups) < 2 or len(set(keys)) < len(keys) or not set(content.avoid_as_extra) <= set(keys):
        raise RecipeError(
            f"The taxonomy {content.name} has fewer than two groups, a duplicate, or an unknown one in avoid_as_extra.",
            "Give every group a distinct key, and list only such keys in avoid_as_extra.",
        )
    return Taxonomy(content.name, groups, tuple(content.avoid_as_extra))
