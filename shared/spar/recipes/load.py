"""Loads a recipe by name or file, or raises one error that lists everything wrong with it.

    read YAML -> merge over what it extends -> --set -> validate -> resolve

Each step only adds problems; the last one raises them together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.errors import RecipeError
from spar.recipes.builtins import (
    builtin_names,
    composed_names,
    extendable_names,
    method_names,
    recipe_path,
    recipe_text,
)
from spar.recipes.extending import EXTENDS, Library, over_layers
from spar.recipes.former_keys import read_former
from spar.recipes.models import Recipe
from spar.recipes.override import SET, apply_overrides
from spar.recipes.paths import Written, make_absolute
from spar.recipes.problems import Flaw, Keys, Problem, raise_for
from spar.recipes.required import take_required
from spar.recipes.resolve import recipe_fingerprint, resolve, resolved_with_problems, to_yaml
from spar.recipes.source import YamlSource, parse, read_source, unstorable
from spar.recipes.validating import validate, without_stand_ins

__all__ = ["builtin_names", "load_recipe", "recipe_fingerprint", "recipe_path", "resolve", "to_yaml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A recipe merged from its layers and overrides, not validated. `written` has its paths as they were given."""

    source: YamlSource
    title: str
    written: Mapping[Keys, str]


def load_recipe(name_or_path: str, overrides: Sequence[str] = (), run_here: bool = True) -> Recipe:
    """A built-in recipe by name, or a YAML file, with `a.b.c=value` overrides: resolved and checked.

    Paths in a file are relative to its folder; paths in an override, to the working folder. With `run_here` False the
    models' folders are checked only on the machine that runs it.

    Raises:
        RecipeError: naming every problem with its file, line and key, and the fix.
    """
    return finished(open_recipe(name_or_path, overrides), run_here)


def open_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Opened:
    """Read a recipe over what it extends, with overrides. Raises RecipeError if it cannot be read as a recipe."""
    title = f"The recipe {name_or_path}"
    read, folder = _read(name_or_path)
    source = over_base(read)
    if not source.data:
        raise_for(title, source.problems, source.places)
    apply_overrides(source, overrides)
    take_required(source)

    def base_of(keys: Keys) -> Path:
        return Path.cwd() if source.places.get(keys, "").startswith(SET) else folder

    return Opened(source=source, title=title, written=make_absolute(source.data, base_of))


def _read(name_or_path: str) -> tuple[YamlSource, Path]:
    """The recipe without what it extends, and the folder that its paths are relative to."""
    if name_or_path in composed_names():
        return parse(recipe_text(name_or_path), f"{name_or_path}.yaml"), Path.cwd()  # it names no file
    path = recipe_path(name_or_path)
    return read_source(path, path.name), path.parent


def finish(source: YamlSource, title: str, run_here: bool = True) -> Recipe:
    """Validate and resolve what was read. Raises one RecipeError with all problems."""
    return finished(Opened(source=source, title=title, written={}), run_here)


def finished(opened: Opened, run_here: bool = True) -> Recipe:
    """Like `finish`, for the result of `open_recipe`."""
    recipe, problems = examine(opened, run_here)
    raise_for(opened.title, problems, opened.source.places)
    if recipe is None:
        raise RecipeError(f"{opened.title} cannot be read.", "Compare it with `spar recipe show demo`.")
    return recipe


def examine(opened: Opened, run_here: bool = True) -> tuple[Recipe | None, list[Problem]]:
    """The resolved recipe, with placeholders for missing or invalid values, and all its problems."""
    source = opened.source
    broken = unstorable(source.data)
    if broken:  # such a text cannot be shown either, so no other problem is reported
        return None, broken
    validated = validate(source.data)
    found = _besides_lost_layers([*source.problems, *validated.problems])
    if validated.recipe is None:
        return None, found
    recipe, more = resolved_with_problems(validated.recipe, Written(opened.written, run_here))
    return recipe, [*found, *without_stand_ins(more, validated.problems)]


def _besides_lost_layers(problems: list[Problem]) -> list[Problem]:
    """Drops missing keys if a recipe to extend was not found, since it might supply them."""
    lost = any(problem.keys == (EXTENDS,) for problem in problems)
    return [problem for problem in problems if not (lost and problem.flaw is Flaw.MISSING)]


def over_base(source: YamlSource) -> YamlSource:
    """A file's data with present keys, merged over the built-in recipes that it `extends`."""
    read_former(source)

    def read(name: str) -> YamlSource:
        return parse(recipe_text(name), f"{name}.yaml")

    return over_layers(source, Library(names=extendable_names(), methods=method_names(), read=read))
