"""What `spar plan` reads: a recipe that may be incomplete, its models' configurations, its benchmarks' sizes.

Downloads nothing and runs nothing. A plan needs less than a run: prompts and data may still be missing. Missing data of
a benchmark, whose items would be counted, leaves it out of the plan; that is reported. A model's config.json is found
in its folder, in the local cache of the hub, or in known_configs.json, which holds those of the built-in recipes'
models, each with its source.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spar.benchmark_registry import BENCHMARKS
from spar.errors import ModelUnusable
from spar.evaluation.benchmarks.driver import ItemCounts, driver_of
from spar.lora import base_folder, is_adapter
from spar.planning.general import general_items
from spar.recipes.benchmarks import RECIPE_BENCHMARKS, data_keys, planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.load import examine, finished, open_recipe
from spar.recipes.models import Recipe
from spar.recipes.problems import Flaw, Keys
from spar.recipes.validating import missing_keys

Config = Mapping[str, Any]
NEEDED = ("models.actor", "models.refiner")
"""Keys without which there is nothing to plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannableRecipe:
    """`missing`: the keys that a run would need as well. The recipe has placeholders there, and no benchmark without
    data."""

    recipe: Recipe
    missing: tuple[Keys, ...]


def recipe_to_plan(name_or_path: str, overrides: Sequence[str]) -> PlannableRecipe:
    """Raises RecipeError as for a run if anything is wrong or models are missing."""
    opened = open_recipe(name_or_path, overrides)
    recipe, problems = examine(opened, run_here=False)
    missing = tuple(sorted(missing_keys(problems)))
    wrong = any(problem.flaw is not Flaw.MISSING for problem in problems)
    if recipe is None or wrong or any(".".join(keys) in NEEDED for keys in missing):
        return PlannableRecipe(recipe=finished(opened, run_here=False), missing=())
    return PlannableRecipe(recipe=_without_benchmarks(recipe, missing), missing=missing)


def _without_benchmarks(recipe: Recipe, missing: Sequence[Keys]) -> Recipe:
    plan = recipe.evaluation
    without = [name for name in RECIPE_BENCHMARKS if data_keys(name) in missing]
    if plan is None or plan.benchmarks is None or not without:
        return recipe
    benchmarks = plan.benchmarks.model_copy(update=dict.fromkeys(without))
    left = any(getattr(benchmarks, name) is not None for name in (*RECIPE_BENCHMARKS, GENERAL))
    changed = plan.model_copy(update={"benchmarks": benchmarks if left else None})
    return recipe.model_copy(update={"evaluation": changed if left or plan.suite != "none" else None})


def config_in(folder: Path) -> Config:
    """The configuration in a model's folder, or of an adapter's base. Raises ModelUnusable."""
    path = (base_folder(folder) if is_adapter(folder) else folder) / "config.json"
    try:
        config: Config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{path} cannot be read: {error}.", "Name a model's folder.") from error
    return config


def config_on_hub(identifier: str) -> Config:
    """The configuration of `ID@REVISION` (what follows `hub:`). Raises ModelUnusable if neither cached nor known."""
    name, _, revision = identifier.partition("@")
    cached = _cached(name, revision)
    if cached is not None:
        return config_in(cached.parent)
    known = json.loads((resources.files("spar.planning") / "known_configs.json").read_text())
    if name not in known:
        raise ModelUnusable(
            f"The configuration of hub:{identifier} is not in the local cache and not a known one.",
            "Download its config.json to a folder and plan with that: --set models.actor=DIR.",
        )
    config: Config = known[name]["config"]
    return config


def _cached(name: str, revision: str) -> Path | None:
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=revision or None)
    return Path(found) if isinstance(found, str) else None


def benchmark_items(recipe: Recipe) -> dict[str, ItemCounts]:
    """The items of each benchmark under its limit; of lm-eval's, by measurement. Raises DataError for bad data."""
    found = {
        name: driver_of(BENCHMARKS[name]).count(Path(settings.data), settings.limit)
        for name, settings in planned(recipe.evaluation).items()
    }
    general = general_of(recipe.evaluation)
    if general is not None:
        found |= {f"{GENERAL}:{task}": ItemCounts(items=number) for task, number in general_items(general)}
    return found
