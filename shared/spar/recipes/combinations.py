"""Combinations of valid values that cannot work, and those that work but are probably mistakes.

Depends only on the recipe and on the installed engines and trainers.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

from spar.recipes.benchmarks import check_benchmarks
from spar.recipes.general import check_general
from spar.recipes.init_checks import check_init
from spar.recipes.iteration_settings import base_settings
from spar.recipes.models import Recipe, TrainingSettings
from spar.recipes.paths import WORLDS
from spar.recipes.policy_checks import check_policies
from spar.recipes.problems import Flaw, Keys, Problem
from spar.recipes.rebudget import money_problems

DATA_ONLY = "For data without training, set training: none and iterations: 1."


def check_combinations(recipe: Recipe) -> list[Problem]:
    return [problem for rule in RULES for problem in rule(recipe)]


def _trainings(recipe: Recipe) -> Iterator[tuple[Keys, TrainingSettings]]:
    if recipe.training.trains:
        yield ("training", "actor"), recipe.training.actor
        yield ("training", "refiner"), recipe.training.refiner
    if recipe.init is not None:
        yield ("init", "actor"), recipe.init.actor
        yield ("init", "refiner"), recipe.init.refiner


def _kinds_are_installed(recipe: Recipe) -> Iterator[Problem]:
    chosen = [
        (("engine", "kind"), "spar.engines", recipe.engine.kind),
        *(((*keys, "kind"), "spar.trainers", settings.kind) for keys, settings in _trainings(recipe)),
    ]
    for keys, group, kind in chosen:
        installed = sorted({entry.name for entry in entry_points(group=group)})
        if kind not in installed:
            fix = f"Choose one of: {', '.join(installed)}."
            yield Problem(keys=keys, what=f"is {kind!r}, which is not installed", fix=fix)


def _url_fits_engine(recipe: Recipe) -> Iterator[Problem]:
    url, kind = recipe.engine.url, recipe.engine.kind
    if kind == "openai" and url is None:
        fix = "Add it, such as http://localhost:8000/v1."
        what = "is missing: engine.kind openai needs an engine.url"
        yield Problem(keys=("engine", "url"), what=what, fix=fix, flaw=Flaw.MISSING)
    if url is not None and kind in ("transformers", "rules"):
        fix = "Delete it, or set engine.kind to openai."
        yield Problem(
            keys=("engine", "url"), what=f"does not apply to the engine {kind}, which runs in this process", fix=fix
        )
    for key in ("body", "headers"):
        if getattr(recipe.engine, key) and kind in ("transformers", "rules"):
            yield Problem(
                keys=("engine", key),
                what=f"does not apply to the engine {kind}, which sends no requests",
                fix="Delete it.",
            )
    if url is not None and not url.startswith(("http://", "https://")):
        yield Problem(keys=("engine", "url"), what=f"is {url!r}", fix="Write http://HOST:PORT/v1 or https://...")


def _trained_models_have_weights(recipe: Recipe) -> Iterator[Problem]:
    if not recipe.training.trains:
        return
    for name, settings, model in (
        ("actor", recipe.training.actor, recipe.models.actor),
        ("refiner", recipe.training.refiner, recipe.models.refiner),
    ):
        if settings.kind == "trl" and model.startswith("served:"):
            fix = f"Name a folder or hub: model for models.{name}. {DATA_ONLY}"
            yield Problem(keys=("models", name), what=f"is {model}, which trl cannot train", fix=fix)


def _remote_engine_serves_trained_models(recipe: Recipe) -> Iterator[Problem]:
    kinds = {recipe.training.actor.kind, recipe.training.refiner.kind}
    if not recipe.training.trains:
        return
    remote = recipe.engine.kind == "openai" or (recipe.engine.kind == "vllm" and recipe.engine.url is not None)
    if remote and "trl" in kinds:
        what = f"is {recipe.engine.kind} at a URL: that server cannot load the models which trl trains in this run"
        fix = f"Use an engine that loads them here, such as transformers. {DATA_ONLY}"
        yield Problem(keys=("engine", "kind"), what=what, fix=fix)


def _vllm_computes_in(recipe: Recipe) -> Iterator[Problem]:
    if recipe.engine.kind == "vllm" and recipe.engine.dtype == "float64":
        what = "is float64, which vLLM does not compute in"
        yield Problem(keys=("engine", "dtype"), what=what, fix="Use bfloat16 (float32 on a CPU).")


def _search_fits(recipe: Recipe) -> Iterator[Problem]:
    search = recipe.search
    if search.policy == "bfs" and search.beam_width > search.branch:
        fix = "Lower search.beam_width or raise search.branch."
        yield Problem(
            keys=("search", "beam_width"),
            what=f"is {search.beam_width}, but a node has only {search.branch} children",
            fix=fix,
        )


def _batches_divide(recipe: Recipe) -> Iterator[Problem]:
    for keys, settings in _trainings(recipe):
        micro, processes = settings.micro_batch_size, settings.launch.processes
        if settings.batch_size % processes:
            what = f"is {processes}, which does not divide batch_size {settings.batch_size}"
            yield Problem(keys=(*keys, "launch", "processes"), what=what, fix="Choose a divisor.")
        elif micro is not None and settings.batch_size // processes % micro:
            share = f" (divided by {processes} processes)" if processes > 1 else ""
            what = f"is {micro}, which does not divide batch_size {settings.batch_size}{share}"
            yield Problem(keys=(*keys, "micro_batch_size"), what=what, fix="Choose a divisor, or leave it out.")


def _adapters_are_not_divided(recipe: Recipe) -> Iterator[Problem]:
    for keys, settings in _trainings(recipe):
        if settings.lora is not None and settings.launch.config != "none":
            what = f"is {settings.launch.config}: with lora every process holds the whole frozen model"
            fix = "Use launch.config none (any number of processes), or train without lora."
            yield Problem(keys=(*keys, "launch", "config"), what=what, fix=fix)


def _refiner_learns_something(recipe: Recipe) -> Iterator[Problem]:
    if base_settings(recipe).refiner_fate != "trained":
        return
    caps = recipe.selection.refiner
    if not (caps.refinements or caps.tree_yes or caps.tree_no or caps.response_no or caps.response_yes):
        what = "has every cap at 0: the refiner would have no training data"
        yield Problem(keys=("selection", "refiner"), what=what, fix="Raise at least one of the caps.")


def _without_training(recipe: Recipe) -> Iterator[Problem]:
    trains = recipe.training.trains
    for index, stage in enumerate(recipe.stages):
        if stage.training is not None and stage.training.trains != trains:
            what = "trains nothing, but other iterations train" if trains else "trains, but training is none"
            yield Problem(
                keys=("stages", str(index), "training"), what=what, fix="Train in all iterations of a run, or in none."
            )
    if trains:
        return
    if recipe.iterations != 1:
        what = f"is {recipe.iterations}, but training is none: a second iteration would have the models of the first"
        yield Problem(
            keys=("iterations",), what=what, fix="Set it to 1; prompts.per_iteration says how many prompts that is."
        )
    if recipe.init is not None:
        yield Problem(
            keys=("init",), what="trains the starting models, but training is none", fix="Delete one of the two."
        )
    if recipe.training.mix is not None:
        yield Problem(keys=("training", "mix"), what="is mixed into a training, but training is none", fix="Delete it.")


def _money_has_a_price(recipe: Recipe) -> Iterator[Problem]:
    yield from money_problems(recipe.budget)


RULES: tuple[Callable[[Recipe], Iterator[Problem]], ...] = (
    _kinds_are_installed,
    _url_fits_engine,
    _trained_models_have_weights,
    _remote_engine_serves_trained_models,
    _vllm_computes_in,
    _search_fits,
    check_policies,
    check_init,
    _batches_divide,
    _adapters_are_not_divided,
    _refiner_learns_something,
    _without_training,
    _money_has_a_price,
    check_benchmarks,
    check_general,
)


def warnings(recipe: Recipe) -> list[str]:
    """Settings that can be run, but are probably mistakes."""
    found = []
    if recipe.prompts.source == "world:story" and recipe.templates != "compact":
        found.append("prompts come from world:story, whose models understand only the templates `compact`.")
    measures_story = recipe.evaluation is not None and recipe.evaluation.suite == "story"
    if measures_story and recipe.prompts.source not in WORLDS:
        found.append("evaluation measures the story world, but the prompts come from elsewhere.")
    if recipe.budget.price.teacher is not None and (recipe.init is None or recipe.init.teacher is None):
        found.append("budget.price.teacher has no effect without an init.teacher.")
    if recipe.generation.temperature == 0 and recipe.generation.n > 1:
        found.append("generation.temperature is 0: all responses to a prompt will be the same.")
    if recipe.judgment.temperature == 0 and recipe.judgment.votes > 1:
        found.append("judgment.temperature is 0: all votes will agree.")
    if recipe.search.temperature == 0 and recipe.search.branch > 1 and recipe.search.policy != "greedy":
        found.append("search.temperature is 0: all refinements of a node will be the same.")
    return found
