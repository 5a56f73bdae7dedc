"""The recipe values that name files: makes them absolute and checks that they exist.

Knows the prefixes of other references (`builtin:`, `hub:`, `served:`, `world:`), which are resolved when loaded.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spar.errors import RecipeError
from spar.method.templates import BUILTIN, read_templates
from spar.method.templates.forms import PromptForm, builtin_form, read_form
from spar.recipes.benchmarks import RECIPE_BENCHMARKS, data_keys, planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.models import Recipe
from spar.recipes.nearby import absent
from spar.recipes.policies import forms_needed
from spar.recipes.problems import Keys, Problem
from spar.recipes.references import absent_folder, check_form
from spar.recipes.source import Data

SERVED = "served:"
"""Prefix of a model's name at a remote endpoint."""
STORED = "stored:"
"""Prefix of an object's key, which a submitted run stores instead of a path."""
PREFIXES: dict[Keys, tuple[str, ...]] = {
    ("models", "actor"): ("builtin:", "hub:", "served:"),
    ("models", "refiner"): ("builtin:", "hub:", "served:"),
    ("models", "backward"): ("builtin:", "hub:", "served:"),
    ("prompts", "source"): ("world:",),
    ("init", "teacher", "model"): ("builtin:", "hub:", "served:"),
    ("init", "prompts", "source"): ("world:",),
    ("training", "mix"): ("world:", "init:"),
    ("judge_audit", "rules"): ("world:",),
    **{data_keys(name): ("world:", STORED) for name in RECIPE_BENCHMARKS},
    data_keys(GENERAL): (STORED,),
}
LAUNCHES = tuple(("training", role, "launch", "config") for role in ("actor", "refiner"))
INIT_DATA = tuple(("init", "data", role) for role in ("actor", "refiner"))
LAUNCH_CONFIGS = ("none", "fsdp", "zero3", "zero3-offload")
STORY = "world:story"
STORY_WORLDS = (STORY, "world:story-texts")
INSTRUCTIONS = "world:instructions"
WORLDS = (*STORY_WORLDS, INSTRUCTIONS)
ABSENT = "names a missing file"
INIT_SET = "init:refiner"
"""The refiner's data of this run's `init`, made or given: judgments and refinements."""
MIXES = ("world:story-skills", "world:story-seed", INIT_SET)
TEMPLATE_FILES = ("judge.txt", "refine.txt")


@dataclass(frozen=True, slots=True)
class Written:
    """Paths as originally given, by key, and whether the models must be on this host."""

    paths: Mapping[Keys, str] = field(default_factory=dict)
    models_here: bool = True


def make_absolute(data: Data, base_of: Callable[[Keys], Path]) -> dict[Keys, str]:
    """Replace paths in plain data by absolute ones; `base_of` returns the folder that a key's value is relative to.
    Returns the original paths."""
    written: dict[Keys, str] = {}
    for keys in [*PREFIXES, ("templates",), *LAUNCHES]:
        section: Any = data
        for key in keys[:-1]:
            section = section.get(key) if isinstance(section, dict) else None
        value = section.get(keys[-1]) if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(value, str) and value and names_a_file(keys, value):
            written[keys] = value
            section[keys[-1]] = str((base_of(keys) / Path(value).expanduser()).resolve())
    for keys in INIT_DATA:
        files = _inside(data, keys[:-1]).get(keys[-1])
        if isinstance(files, list | tuple):
            base = base_of(keys)
            paths = [(base / Path(str(file)).expanduser()).resolve() for file in files]
            _inside(data, keys[:-1])[keys[-1]] = tuple(map(str, paths))
    return written


def _inside(data: Data, keys: Keys) -> Data:
    """The section, or an empty one if it does not exist."""
    section: Any = data
    for key in keys:
        section = section.get(key) if isinstance(section, dict) else None
    return section if isinstance(section, dict) else {}


def names_a_file(keys: Keys, value: str) -> bool:
    if keys in LAUNCHES:
        return value not in LAUNCH_CONFIGS
    return value not in BUILTIN if keys == ("templates",) else not value.startswith(PREFIXES[keys])


def check_files(recipe: Recipe, written: Written) -> Iterator[Problem]:
    """Problems of the files that the recipe names: missing ones, and unsuitable ones."""
    for keys, model in _models(recipe):
        yield from _check_model(keys, model, written)
    if names_a_file(("prompts", "source"), recipe.prompts.source):
        yield from _check_prompts(Path(recipe.prompts.source))
    elif recipe.prompts.source not in WORLDS:
        fix = f"Choose {' or '.join(WORLDS)}, or name a JSONL file."
        yield Problem(
            keys=("prompts", "source"), what=f"is {recipe.prompts.source!r}, which is not a known world", fix=fix
        )
    if names_a_file(("templates",), recipe.templates):
        yield from _check_templates(Path(recipe.templates))
    yield from _check_init(recipe)
    yield from _check_forms(recipe)
    yield from _check_mix(recipe.training.mix)
    for keys, training in zip(LAUNCHES, (recipe.training.actor, recipe.training.refiner), strict=True):
        if names_a_file(keys, training.launch.config) and not Path(training.launch.config).is_file():
            fix = f"Choose one of {', '.join(LAUNCH_CONFIGS)}, or name a configuration file of `accelerate launch`."
            yield absent(keys, ABSENT, Path(training.launch.config), fix)
    yield from _check_benchmarks(recipe)
    yield from _check_judge_audit(recipe)


def _check_init(recipe: Recipe) -> Iterator[Problem]:
    """Checks the prompts; `init_checks` checks the data."""
    if recipe.init is None:
        return
    source = ("init", "prompts", "source")
    named = recipe.init.prompts.source
    if named is not None and not names_a_file(source, named):
        if named not in WORLDS:
            yield Problem(
                keys=source,
                what=f"is {named!r}, which is not a known world",
                fix=f"Choose {STORY}, or name a JSONL file.",
            )
    elif named is not None:
        yield from _check_prompts(Path(named), source)


def _check_benchmarks(recipe: Recipe) -> Iterator[Problem]:
    for name, settings in planned(recipe.evaluation).items():
        keys, value = data_keys(name), settings.data
        if names_a_file(keys, value) and not Path(value).exists():
            yield absent(keys, "names a missing path", Path(value), f"See docs/evaluation.md for {name}'s data.")
        if value.startswith("world:") and (name != "refinement" or value not in STORY_WORLDS):
            fix = f"Name the data of {name}; only refinement takes {' or '.join(STORY_WORLDS)}."
            yield Problem(keys=keys, what=f"is {value!r}, which is not data of {name}", fix=fix)
    general, keys = general_of(recipe.evaluation), data_keys(GENERAL)
    named = general.data if general is not None else None
    if named is not None and names_a_file(keys, named) and not Path(named).exists():
        yield absent(keys, "names a missing path", Path(named), "See docs/evaluation.md for its data.")


def _check_judge_audit(recipe: Recipe) -> Iterator[Problem]:
    """Checks the rules: a file's, the story world's, or those in the prompts file."""
    if recipe.judge_audit is None:
        return
    keys, value = ("judge_audit", "rules"), recipe.judge_audit.rules or recipe.prompts.source
    fix = f"Name a JSONL file of prompts with their instruction_id_list and kwargs, or {STORY} for its own prompts."
    if not names_a_file(keys, value):
        if value != STORY:
            yield Problem(keys=keys, what=f"is {value}, which has no rules for prompts", fix=fix)
    elif recipe.judge_audit.rules is not None and not Path(value).is_file():
        yield absent(keys, ABSENT, Path(value), fix)


def _models(recipe: Recipe) -> Iterator[tuple[Keys, str]]:
    models = recipe.models
    for role, model in (("actor", models.actor), ("refiner", models.refiner), ("backward", models.backward)):
        if model is not None:
            yield ("models", role), model
    if recipe.init is not None and recipe.init.teacher is not None:
        yield ("init", "teacher", "model"), recipe.init.teacher.model


def _check_model(keys: Keys, reference: str, written: Written) -> Iterator[Problem]:
    if not names_a_file(keys, reference):
        yield from check_form(keys, reference)
    elif written.models_here:
        yield from _check_folder(keys, Path(reference), written.paths.get(keys, reference))


def _check_folder(keys: Keys, folder: Path, written: str) -> Iterator[Problem]:
    if not folder.is_dir():
        yield absent_folder(keys, folder, written)
    elif not any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
        yield Problem(keys=keys, what=f"names a folder without a config.json: {folder}", fix="Name a model's folder.")
    elif not any(folder.glob("*.safetensors")):
        fix = "Put the model's *.safetensors there (other formats are not loaded)."
        yield Problem(keys=keys, what=f"names a model without weights: {folder}", fix=fix)


def _check_prompts(path: Path, keys: Keys = ("prompts", "source")) -> Iterator[Problem]:
    if not path.is_file():
        fix = 'Name a JSONL file of {"prompt": "..."} rows, or world:story.'
        yield absent(keys, ABSENT, path, fix)
    elif path.stat().st_size == 0:
        yield Problem(keys=keys, what=f"names an empty file: {path}", fix='Write one {"prompt": "..."} row a line.')


def _check_templates(folder: Path) -> Iterator[Problem]:
    missing = [name for name in TEMPLATE_FILES if not (folder / name).is_file()]
    if missing:
        close = difflib.get_close_matches(folder.name, BUILTIN, n=1)
        fix = f"Name a folder that holds {' and '.join(TEMPLATE_FILES)}, or one of: {', '.join(BUILTIN)}."
        fix = f"Did you mean '{close[0]}'? {fix}" if close and not folder.is_dir() else fix
        yield Problem(keys=("templates",), what=f"has no {' and no '.join(missing)} in {folder}", fix=fix)
        return
    try:
        read_templates(folder.name, folder)
    except RecipeError as error:
        yield Problem(keys=("templates",), what=f"cannot be used: {error.what.rstrip('.')}", fix=error.fix)


def read_forms(recipe: Recipe) -> list[PromptForm]:
    """The forms that the recipe's policies use. Raises RecipeError for a missing or invalid one."""
    forms = []
    for name, text in forms_needed(recipe).items():
        if names_a_file(("templates",), recipe.templates):
            form = read_form(name, Path(recipe.templates))
        else:
            form = builtin_form(recipe.templates, name)
        if form is None and text is None:
            raise RecipeError(
                f"The template set {recipe.templates} has no {name}.txt, which this recipe's policies need.",
                "Write one (templates/spar/ has examples), or choose other policies.",
            )
        forms.append(form or PromptForm(name=name, text=text or ""))
    return forms


def _check_forms(recipe: Recipe) -> Iterator[Problem]:
    try:
        forms_needed(recipe)
    except RecipeError:  # policy_checks reports unknown policies
        return
    try:
        read_forms(recipe)
    except RecipeError as error:
        yield Problem(keys=("templates",), what=f"cannot be used: {error.what.rstrip('.')}", fix=error.fix)


def _check_mix(mix: str | None) -> Iterator[Problem]:
    keys = ("training", "mix")
    if mix is None:
        return
    if not names_a_file(keys, mix):
        if mix not in MIXES:
            fix = f"Choose {' or '.join(MIXES)}, or name a JSONL file."
            yield Problem(keys=keys, what=f"is {mix!r}, which is not a known source", fix=fix)
    elif not Path(mix).is_file():
        yield absent(keys, ABSENT, Path(mix), 'Name a JSONL file of {"messages": [...]} rows.')
