"""Makes a validated recipe ready to run: applies the profile, completes stages, makes paths absolute, checks files and
combinations.

Changes no value that the user set. Resolving is idempotent.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from spar.data.readers.benchmark_files import digest_of, digest_of_tree, read_data_files
from spar.hashing import file_sha256
from spar.method.judging import JUDGING
from spar.method.profiles import PROFILES
from spar.recipes.benchmarks import data_keys, planned
from spar.recipes.combinations import check_combinations
from spar.recipes.former_keys import with_former_keys
from spar.recipes.general import GENERAL, general_of
from spar.recipes.iteration_settings import SECTIONS
from spar.recipes.merging import merged
from spar.recipes.models import InitSettings, JudgeAuditSettings, Recipe
from spar.recipes.paths import SERVED, TEMPLATE_FILES, Written, check_files, make_absolute, names_a_file
from spar.recipes.policies import forms_needed
from spar.recipes.problems import Keys, Problem, raise_for

NOT_IDENTITY: tuple[Keys, ...] = (
    # How fast and where, never what: a run stays the same run when these change.
    ("dispatch",),
    ("budget",),
    ("failures",),
    ("guards",),
    ("engine", "url"),
    ("engine", "max_batch"),
    ("engine", "deadline_s"),
    ("engine", "latency"),
    ("engine", "headers"),
    ("engine", "vllm", "device"),
    ("engine", "vllm", "tensor_parallel"),
    ("engine", "vllm", "gpu_memory_utilization"),
    ("engine", "vllm", "start_deadline_s"),
    ("engine", "vllm", "patience_s"),
    ("engine", "vllm", "idle_s"),
    ("training", "actor", "checkpoint_steps"),
    ("training", "refiner", "checkpoint_steps"),
)


def resolve(recipe: Recipe, places: Mapping[Keys, str] | None = None) -> Recipe:
    """Raises one RecipeError that lists every problem; `places`: where each key was set."""
    ready, problems = resolved_with_problems(recipe, Written())
    raise_for(f"The recipe {recipe.name}", problems, places or {})
    return ready


def resolved_with_problems(recipe: Recipe, written: Written) -> tuple[Recipe, list[Problem]]:
    """The completed recipe, and its problems; `written` has its paths as originally given."""
    data = set_values(recipe)
    make_absolute(data, lambda _: Path.cwd())
    _imply_no_training(recipe, data)
    _imply_taught_judging(data)
    for (section, key), value in profile_values(recipe.profile).items():
        for part in (data, data["init"]) if data.get("init") else (data,):
            part.setdefault(section, {}).setdefault(key, value)
    if recipe.stages:
        data["stages"] = completed_stages(data)
    ready = Recipe.model_validate(data)
    return ready, [*check_combinations(ready), *check_files(ready, written)]


def _imply_no_training(recipe: Recipe, data: dict[str, Any]) -> None:
    """Served models have no weights here: a recipe with only served models and no training section trains nothing.
    Without training there is one iteration."""
    models = (recipe.models.actor, recipe.models.refiner)
    if "training" not in data and "init" not in data and all(model.startswith(SERVED) for model in models):
        data["training"] = {"trains": False}
    if data.get("training", {}).get("trains") is False:
        data.setdefault("iterations", 1)


def _imply_taught_judging(data: dict[str, Any]) -> None:
    """A shared model is trained by its teacher to judge with the policy of self-play."""
    judging = JUDGING.get(data.get("judgment", {}).get("policy"))
    if data.get("init") and data["models"].get("shared") and judging is not None and judging.form is not None:
        data["init"].setdefault("judgment", {}).setdefault("policy", judging.name)


def profile_values(name: str) -> dict[tuple[str, str], Any]:
    """The values that a profile sets for a recipe's keys."""
    profile = PROFILES[name]
    values = {
        ("judgment", "quorum"): profile.quorum,
        ("judgment", "retries"): profile.response_retries,
        ("search", "retries"): profile.search_retries,
        ("search", "vote_rounds"): profile.vote_rounds,
        ("search", "stop_when_decided"): profile.stop_when_decided,
    }
    return {keys: value for keys, value in values.items() if value is not None}


def recipe_fingerprint(recipe: Recipe) -> str:
    """The identity of a run: the settings that determine results, and the contents of named files.

    A prompts file or a template counts by its bytes, not its path. Model folders count by their path, since their
    weights have separate fingerprints.
    """
    data = with_former_keys(recipe)
    _leave_out(data, NOT_IDENTITY)
    if recipe.init is not None:
        data["init"] = _init_identity(recipe.init, data["init"])
    if names_a_file(("prompts", "source"), recipe.prompts.source):
        data["prompts"]["source"] = file_sha256(Path(recipe.prompts.source))
    if names_a_file(("templates",), recipe.templates):
        folder = Path(recipe.templates)
        forms = [folder / f"{name}.txt" for name in forms_needed(recipe)]
        files = [*(folder / name for name in TEMPLATE_FILES), *(form for form in forms if form.is_file())]
        data["templates"] = [file_sha256(file) for file in files]
    if recipe.training.mix is not None and names_a_file(("training", "mix"), recipe.training.mix):
        data["training"]["mix"] = file_sha256(Path(recipe.training.mix))
    if recipe.judge_audit is not None:
        data["honesty"] = _judge_audit_identity(recipe.judge_audit, data["honesty"])
    for name, settings in planned(recipe.evaluation).items():
        section = data["evaluation"]["benchmarks"][name]
        if names_a_file(data_keys(name), settings.data):
            section["data"] = digest_of(read_data_files(Path(settings.data)))
        if settings.judge is not None:
            section["judge"] = settings.judge.identity()
    general = general_of(recipe.evaluation)
    if general is not None and general.data is not None and names_a_file(data_keys(GENERAL), general.data):
        data["evaluation"]["benchmarks"][GENERAL]["data"] = digest_of_tree(Path(general.data))
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _leave_out(data: dict[str, Any], left_out: Iterable[Keys]) -> None:
    for keys in left_out:
        section = data
        for key in keys[:-1]:
            section = section[key]
        section.pop(keys[-1], None)


def _init_identity(settings: InitSettings, written: dict[str, Any]) -> dict[str, Any]:
    """As for the recipe: without a teacher's address and speed, and with files by their contents."""
    for role in ("actor", "refiner"):
        _leave_out(written, [(role, "checkpoint_steps")])
        written["data"][role] = [file_sha256(Path(file)) for file in getattr(settings.data, role)]
    source = settings.prompts.source
    if source is not None and names_a_file(("init", "prompts", "source"), source):
        written["prompts"]["source"] = file_sha256(Path(source))
    if settings.teacher is not None and settings.teacher.engine is not None:
        _leave_out(written["teacher"], [keys for keys in NOT_IDENTITY if keys[0] == "engine"])
    return written


def _judge_audit_identity(settings: JudgeAuditSettings, written: Mapping[str, Any]) -> dict[str, Any]:
    """What is audited, by which rules and judge; not the alarm's threshold and consequence."""
    kept = {name: value for name, value in written.items() if name not in ("alarm", "stop")}
    if settings.rules is not None and names_a_file(("judge_audit", "rules"), settings.rules):
        kept["rules"] = file_sha256(Path(settings.rules))
    if settings.judge is not None:
        kept["judge"] = settings.judge.identity()
    return kept


def to_yaml(recipe: Recipe) -> str:
    """The complete recipe as YAML that loads to the same recipe."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def set_values(value: Any) -> Any:
    """The explicitly set values of a section as plain data, including those equal to the default."""
    match value:
        case BaseModel():
            names = [name for name in type(value).model_fields if name in value.model_fields_set]
            return {name: set_values(getattr(value, name)) for name in names}
        case tuple():
            return tuple(set_values(item) for item in value)
        case _:
            return value


def completed_stages(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The stages of a recipe, each section completed from the recipe's own."""
    return tuple(
        {name: _over(data.get(name), value) if name in SECTIONS else value for name, value in stage.items()}
        for stage in data.get("stages", ())
    )


def _over(base: Any, changes: Any) -> Any:
    return merged(base or {}, changes) if isinstance(changes, Mapping) else changes
