"""The options of `spar eval --model`, checked and resolved: the benchmark, the models, and how they are prompted.

Opens no engine and sends no request. The `settings` of a result are built from it: anything else changes no score.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from spar.benchmark_records import Benchmark, Work
from spar.benchmark_registry import benchmark
from spar.errors import DataError, RecipeError
from spar.evaluation.benchmarks.refinement.negatives import WORLD
from spar.evaluation.judging import VERDICT, Judging
from spar.inference.endpoints import Endpoint, RequestOptions, Role, endpoint, templates_for
from spar.method.templates import BUILTIN, TemplateSet
from spar.method.templates.forms import PromptForm, builtin_form, read_form
from spar.recipes.benchmarks import FROM_NEGATIVES
from spar.recipes.models import AskSettings
from spar.recipes.policies import judging_policy
from spar.runtime.models import locate, refer
from spar.store.directory import DirectoryStore
from spar.store.models import CACHE_BYTES, ModelCache
from spar.texts import plain_message

Dtype = Literal["float64", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How models are served in this process, or requested from their server."""

    dtype: Dtype = "float32"
    window: int = 32
    deadline_s: float = 600.0
    send_seed: bool = True
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalJob:
    """One evaluation. `places` are the models by role: the actor is the one measured, whatever its role."""

    benchmark: str
    data: Path
    places: Mapping[Role, Endpoint]
    settings: AskSettings
    templates: TemplateSet
    seed: int
    out: Path
    raters: Mapping[str, Endpoint] = field(default_factory=dict)
    """Further judges by name."""
    judging: Judging = field(default_factory=Judging)

    @property
    def every_place(self) -> dict[str, Endpoint]:
        """All models by role, or by name for further judges."""
        return {**{str(role): place for role, place in self.places.items()}, **self.raters}

    def names(self) -> dict[str, str]:
        """The models' names for people; a folder's name has no effect."""
        places = self.every_place.items()
        return {role: str(place.model.path or place.model.name or place.settings.url) for role, place in places}

    def about(self) -> dict[str, str | int]:
        """The models and their engines, as they are stored with the scores."""
        found: dict[str, str | int] = {}
        for role, place in self.every_place.items():
            name = "model" if role == "actor" else role
            found |= {name if key == "model" else f"{name}_{key}": value for key, value in identity_of(place).items()}
        return found


def identity_of(place: Endpoint) -> dict[str, str | int]:
    """What determines a model's replies to a conversation; in this process also the batch size, for float32."""
    engine = place.settings
    if engine.url is not None:
        served = place.model.name or "the only one"
        body = {"body": json.dumps(engine.body, sort_keys=True)} if engine.body else {}
        return {"model": served, "engine": engine.kind, "url": engine.url, "send_seed": int(engine.send_seed), **body}
    versions = {name: metadata.version(name) for name in ("torch", "transformers")}
    batch = {"dtype": engine.dtype, "batch": engine.max_batch}
    return {"model": place.model.fingerprint, "engine": engine.kind, **batch, **versions}


def make_job(
    name: str,
    data: Path | None,
    models: Mapping[Role, str | None],
    requested: Mapping[str, Any],
    how: Mapping[str, Any],
) -> EvalJob:
    """`requested` are settings of `AskSettings`, None where not given; `how` are the others. Raises SparError."""
    record = benchmark(name)
    given = {key: value for key, value in requested.items() if value is not None}
    raters: Mapping[str, str] = how.get("raters", {})
    _check_uses(record, given, models, raters)
    place = data_of(record, data)
    options: EngineOptions = how["engine"]
    places = {role: place_of(role, at, options) for role, at in models.items() if at is not None}
    others = {each: replace(place_of("judge", at, options), name=each) for each, at in raters.items()}
    try:
        settings = AskSettings(**given)
    except ValidationError as error:
        problems = "; ".join(plain_message(problem["msg"]) for problem in error.errors())
        raise RecipeError(f"These options are not valid: {problems}.", "Change them.") from error
    # The templates are those of the model that judges and refines: the refiner of a search, else the model itself.
    templates = templates_for(how["templates"], models.get("refiner") or models["actor"] or "")
    judging = _judging(record, how.get("policy"), templates.name)
    return EvalJob(
        benchmark=name,
        data=place,
        places=places,
        settings=settings,
        templates=templates,
        seed=how["seed"],
        out=how["out"],
        raters=others,
        judging=judging,
    )


def data_of(record: Benchmark, given: Path | None) -> Path:
    """Where a benchmark's items come from. Raises DataError if the benchmark needs data and none are named."""
    if given is None and record.needs_data:
        raise DataError(
            f"{record.name} needs its data.", "Name its file or folder with --data (see docs/evaluation.md)."
        )
    return given or Path(WORLD)


def _check_uses(
    record: Benchmark, given: Mapping[str, Any], models: Mapping[Role, str | None], raters: Mapping[str, str]
) -> None:
    name, uses = record.name, ("limit", *record.settings)
    for key in given:
        if key not in uses:
            raise RecipeError(f"--{key.replace('_', '-')} has no effect on {name}.", "Leave it out.")
    if raters and record.work is not Work.REFINEMENTS:
        raise RecipeError(f"{name} accepts no named judge, and no second one.", "Name one --judge PLACE, or none.")
    if record.work is Work.REFINEMENTS:
        _check_refinement(given, models)
        return
    searches = given.get("strategy", "actor") != "actor"
    wants_refiner = searches or record.work is Work.SUITE
    if searches and models.get("refiner") is None:
        raise RecipeError(f"--strategy {given['strategy']} needs a refiner.", "Name one with --refiner.")
    if models.get("refiner") is not None and not wants_refiner:
        raise RecipeError(f"--refiner has no effect on {name} without a search.", "Add, for instance, --strategy bfs.")
    if models.get("judge") is not None and "judge" not in uses:
        raise RecipeError(f"--judge has no effect on {name}.", "Leave it out.")


def _judging(record: Benchmark, policy: str | None, templates: str) -> Judging:
    """Raises RecipeError for a policy that prompts no model."""
    if policy is None or policy == VERDICT:
        return Judging()
    if not record.by_policy:
        raise RecipeError(f"--policy has no effect on {record.name}.", "Leave it out.")
    found = judging_policy(policy)
    if found.form in (None, "judge"):
        raise RecipeError(f"--policy {policy} prompts no judge for a score.", "Choose verdict, rubric or rating.")
    name = str(found.form)
    own = builtin_form(templates, name) if templates in BUILTIN else read_form(name, Path(templates))
    if own is None and found.text is None:
        raise RecipeError(f"The template set {templates} has no {name}.txt.", "Write one, or choose --templates spar.")
    return Judging(policy, {}, own or PromptForm(name=name, text=found.text or ""))


def _check_refinement(given: Mapping[str, Any], models: Mapping[Role, str | None]) -> None:
    if models.get("refiner") is not None:
        raise RecipeError("The refiner that refinement measures is its --model.", "Leave --refiner out.")
    if given.get("strategy", "actor") not in FROM_NEGATIVES:
        raise RecipeError(
            f"--strategy {given['strategy']} draws responses, and refinement starts from given ones.",
            f"Choose among {', '.join(FROM_NEGATIVES[1:])}.",
        )
    if "budget" in given and given.get("strategy", "actor") in FROM_NEGATIVES[:2]:
        raise RecipeError("--budget limits a search, and one greedy refinement is none.", "Add --strategy bfs.")


def place_of(role: Role, name: str, options: EngineOptions) -> Endpoint:
    """As elsewhere on the command line, and also hub:ID@REVISION."""
    if name.startswith("hub:"):
        cache = Path.home() / ".cache" / "spar" / "models"
        found = locate(refer(name), ModelCache(cache, DirectoryStore(cache / "store"), CACHE_BYTES))
        name = str(found.path)
    how = RequestOptions(options.window, options.deadline_s, options.send_seed, options.body, options.headers)
    place = endpoint(role, name, how)
    return replace(place, settings=place.settings.model_copy(update={"dtype": options.dtype}))
