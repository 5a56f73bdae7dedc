"""The built-in recipes: names and texts. Parses and merges nothing.

*.yaml            whole recipes, listed by name
methods/*.yaml    what a method changes, over the story world's demo or over a model
layers/*.yaml     what several recipes share
"""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from spar.errors import RecipeError
from spar.recipes.composing import BACKBONES, METHOD_FOLDER, composed_name, composed_text, parts_of

LAYER_FOLDER = "layers/"


def builtin_names() -> list[str]:
    """The recipes with their own file."""
    return list(_named(""))


def method_names() -> list[str]:
    return [name.removeprefix(METHOD_FOLDER) for name in _named(METHOD_FOLDER)]


def composed_names() -> list[str]:
    return [composed_name(method, backbone) for method in method_names() for backbone in BACKBONES]


def extendable_names() -> list[str]:
    """Everything that a recipe may extend."""
    return [*builtin_names(), *composed_names(), *_named(METHOD_FOLDER), *_named(LAYER_FOLDER)]


def recipe_text(name_or_path: str) -> str:
    """The text of a built-in recipe or a file. Raises RecipeError if neither exists."""
    parts = parts_of(name_or_path, method_names())
    return recipe_path(name_or_path).read_text(encoding="utf-8") if parts is None else composed_text(*parts)


def recipe_path(name_or_path: str) -> Path:
    """The file of a built-in recipe or of a path. Raises RecipeError."""
    if name_or_path in (*builtin_names(), *_named(METHOD_FOLDER), *_named(LAYER_FOLDER)):
        return _folder() / f"{name_or_path}.yaml"
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    raise RecipeError(
        f"There is no recipe {name_or_path!r}: neither a built-in one nor a file.",
        f"Name a YAML file or one of: {', '.join(builtin_names())}; or METHOD-MODEL, such as self_rewarding-llama3-8b.",
    )


def _named(folder: str) -> Iterator[str]:
    return (folder + path.stem for path in sorted((_folder() / folder).glob("*.yaml")))


def _folder() -> Path:
    return Path(str(resources.files("spar.recipes"))) / "builtin"
