"""Reads a submitted recipe: a form with files, or the recipe alone as YAML or JSON. Starts nothing.

A recipe from the network cannot name files of this host: prompts and templates are uploaded, models are given by name,
unless the API allows folders (SPAR_API_ALLOW_PATHS).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from spar.errors import RecipeError
from spar.recipes.load import finish, over_base
from spar.recipes.models import Recipe
from spar.recipes.override import apply_overrides
from spar.recipes.paths import INIT_DATA, PREFIXES, names_a_file
from spar.recipes.problems import Keys, Problem, raise_for
from spar.recipes.required import take_required
from spar.recipes.source import LARGEST_TEXT, YamlSource, parse, too_many_values

NAME = "recipe"
JSON = "application/json"
JUDGE, REFINE = "judge.txt", "refine.txt"
WITH_DATA = ("evaluation", "judge_audit", "init", "training")
"""Sections that may name files or folders with data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The parts of a request. `content_type` states the recipe's format; templates map file names to texts."""

    recipe: bytes
    content_type: str = "application/yaml"
    overrides: tuple[str, ...] = ()
    prompts: bytes | None = None
    prompts_name: str = "prompts.jsonl"
    templates: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def recipe_of(received: Received, allow_paths: bool) -> Iterator[Recipe]:
    """The resolved recipe; its uploaded files exist until the block ends. Raises RecipeError."""
    source = over_base(_parse(received))
    if not source.data:
        raise_for("The recipe", source.problems, source.places)
    apply_overrides(source, received.overrides)
    take_required(source)
    with TemporaryDirectory(prefix="spar-upload-") as folder:
        _take_files(received, source, Path(folder))
        raise_for("The recipe", list(_foreign_paths(received, source, allow_paths)), source.places)
        yield finish(source, "The recipe")


def without_upload_paths(recipe: Recipe, received: Received) -> Recipe:
    """What the run stores: uploaded files by their names, since their paths exist only during the request."""
    prompts = recipe.prompts
    if received.prompts is not None:
        prompts = prompts.model_copy(update={"source": f"uploaded:{received.prompts_name}"})
    templates = "uploaded" if received.templates else recipe.templates
    return recipe.model_copy(update={"prompts": prompts, "templates": templates})


def _parse(received: Received) -> YamlSource:
    if len(received.recipe) > 4 * LARGEST_TEXT:
        raise RecipeError(f"The recipe is larger than {LARGEST_TEXT:,} characters.", "Send prompts as a file.")
    try:
        text = received.recipe.decode("utf-8-sig")
        if received.content_type != JSON:
            return parse(text, NAME)
        data = json.loads(text)
    except UnicodeDecodeError as error:
        raise RecipeError("The recipe is not UTF-8 text.", "Save it as UTF-8.") from error
    except (RecursionError, ValueError) as error:
        raise RecipeError(f"The recipe cannot be read: {error}.", "Correct its form.") from error
    if len(text) > LARGEST_TEXT or too_many_values(data):
        raise RecipeError("The recipe is larger than a recipe may be.", "Send prompts as a file.")
    if not isinstance(data, dict):
        raise RecipeError("The recipe is not an object of keys.", 'Write {"name": ..., ...}.')
    return YamlSource(data=data, places={(): NAME})


def _take_files(received: Received, source: YamlSource, folder: Path) -> None:
    if received.prompts is not None:
        path = folder / "prompts.jsonl"
        path.write_bytes(received.prompts)
        section = source.data.setdefault("prompts", {})
        if isinstance(section, dict):
            section["source"] = str(path)
    for name, text in received.templates.items():
        (folder / name).write_bytes(text)
        source.data["templates"] = str(folder)


def _foreign_paths(received: Received, source: YamlSource, allow_paths: bool) -> Iterator[Problem]:
    """The paths of this host in the recipe that were not uploaded with the request."""
    yield from _foreign_sets(source, allow_paths)
    for keys in [*PREFIXES, ("templates",)]:
        value = _value_at(source, keys)
        if not isinstance(value, str) or not names_a_file(keys, value):
            continue
        if keys == ("templates",) and not received.templates:
            yield Problem(
                keys=keys, what="names a folder of your machine", fix="Send its files along as `judge` and `refine`."
            )
        elif keys == ("prompts", "source") and received.prompts is None:
            yield Problem(keys=keys, what="names a file of your machine", fix="Send the file along as `prompts`.")
        elif keys[0] in WITH_DATA and not (allow_paths and Path(value).is_absolute()):
            fix = "Start the API with SPAR_API_ALLOW_PATHS=true and name a path of its host, whole, or leave it out."
            yield Problem(keys=keys, what="names data by a path, which this API does not take", fix=fix)
        elif keys[0] == "models" and not allow_paths:
            fix = "Write builtin:NAME or hub:ID@REVISION, or start the API with SPAR_API_ALLOW_PATHS=true."
            yield Problem(keys=keys, what="names a folder, which this API does not take", fix=fix)
        elif keys[0] == "models" and not Path(value).is_absolute():
            yield Problem(
                keys=keys, what="names a folder by a relative path", fix="Write its path on the workers' hosts, whole."
            )


def _foreign_sets(source: YamlSource, allow_paths: bool) -> Iterator[Problem]:
    for keys in INIT_DATA:
        files = _value_at(source, keys)
        named = files if isinstance(files, list | tuple) else []
        if any(not (allow_paths and Path(str(file)).is_absolute()) for file in named):
            fix = "Start the API with SPAR_API_ALLOW_PATHS=true and name paths of its host, whole, or leave it out."
            yield Problem(keys=keys, what="names files, which this API does not take", fix=fix)


def _value_at(source: YamlSource, keys: Keys) -> object:
    section: object = source.data
    for key in keys:
        section = section.get(key) if isinstance(section, dict) else None
    return section
