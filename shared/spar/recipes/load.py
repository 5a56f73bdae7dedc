"""From a name or a file to a recipe that can be run, or to one error that tells everything wrong with it.

    read YAML -> merge over what it extends -> --set -> validate -> resolve

Each step only adds problems; the last one raises them together.
"""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spar.errors import RecipeError
from spar.recipes.models import Recipe
from spar.recipes.override import apply_overrides
from spar.recipes.paths import make_absolute
from spar.recipes.problems import Keys, Problem, from_validation, raise_for
from spar.recipes.resolve import recipe_fingerprint, resolve, resolved_with_problems, to_yaml
from spar.recipes.source import Data, Source, read_source

__all__ = ["builtin_names", "load_recipe", "recipe_fingerprint", "recipe_path", "resolve", "to_yaml"]


def load_recipe(name_or_path: str, overrides: Sequence[str] = (), run_here: bool = True) -> Recipe:
    """A built-in recipe by name, or a YAML file, with `a.b.c=value` overrides: resolved and checked.

    Paths in a file are relative to its folder; paths in an override, to the working folder. With `run_here` False
    the models' folders are left to the machine that will run it.

    Raises:
        RecipeError: naming every problem with its file, line and key, and the fix.
    """
    path = recipe_path(name_or_path)
    source = over_base(read_source(path, path.name))
    if not source.data:
        raise_for(f"The recipe {name_or_path}", source.problems, source.places)
    apply_overrides(source, overrides)

    def base_of(keys: Keys) -> Path:
        return Path.cwd() if source.places.get(keys, "").startswith("--set") else path.parent

    make_absolute(source.data, base_of)
    return finish(source, f"The recipe {name_or_path}", run_here)


def finish(source: Source, title: str, run_here: bool = True) -> Recipe:
    """Validate and resolve what was read. Raises one RecipeError with everything that is wrong."""
    recipe, problems = _validate(source.data)
    if recipe is not None:
        recipe, found = resolved_with_problems(recipe)
        problems = [*problems, *(each for each in found if run_here or not _is_model(each.keys))]
    raise_for(title, [*source.problems, *problems], source.places)
    if recipe is None:
        # A required key is missing, and every key's own problem has been raised above.
        raise RecipeError(f"{title} cannot be read.", "Compare it with `spar recipe show demo`.")
    return recipe


def _is_model(keys: Keys) -> bool:
    return keys[0] == "models" or keys == ("init", "teacher", "model")


def _validate(data: Data) -> tuple[Recipe | None, list[Problem]]:
    """The recipe and what is wrong with it. With problems: without the bad keys, to find the rest in."""
    try:
        return Recipe.model_validate(data), []
    except ValidationError as error:
        problems = from_validation(error, Recipe)
    for problem in problems:
        _remove(data, problem.keys)
    try:
        return Recipe.model_validate(data), problems
    except ValidationError:  # a required key is missing or bad: nothing to look at further
        return None, problems


def _remove(data: Data, keys: Keys) -> None:
    for depth, key in enumerate(keys[:-1]):
        inner = data.get(key, {})
        if not isinstance(inner, dict):  # a list, such as `stages`: it goes as a whole
            keys = keys[: depth + 1]
            break
        data = inner
    data.pop(keys[-1], None)


def builtin_names() -> list[str]:
    return sorted(path.stem for path in _builtin_folder().glob("*.yaml"))


def recipe_path(name_or_path: str) -> Path:
    """The file of a built-in recipe or of a path. Raises RecipeError."""
    builtin = _builtin_folder() / f"{name_or_path}.yaml"
    if name_or_path in builtin_names():
        return builtin
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    raise RecipeError(
        f"There is no recipe {name_or_path!r}: no built-in one has this name, and no file is there.",
        f"Name a YAML file or one of: {', '.join(builtin_names())}.",
    )


def _builtin_folder() -> Path:
    return Path(str(resources.files("spar.recipes"))) / "builtin"


def over_base(source: Source) -> Source:
    """A file's data, over those of the built-in recipe that it `extends` (one level)."""
    if "extends" not in source.data:
        return source
    name = source.data.pop("extends")
    if name not in builtin_names():
        fix = f"Name one of: {', '.join(builtin_names())}."
        source.problems.append(Problem(("extends",), f"is {name!r}, which is no built-in recipe", fix))
        return source
    base = read_source(recipe_path(name), f"{name}.yaml")
    if "extends" in base.data:
        fix = "Extend a recipe that stands on its own."
        source.problems.append(Problem(("extends",), f"is {name}, which extends another recipe itself", fix))
    merged = _merged(base.data, source.data)
    return Source(merged, {**base.places, **source.places}, [*base.problems, *source.problems])


def _merged(base: Data, changes: Data) -> Data:
    """Sections are merged key by key; a value replaces a value."""
    result: dict[str, Any] = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        result[key] = _merged(inner, value) if both and isinstance(inner, dict) else value
    return result
