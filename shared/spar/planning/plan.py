"""A run's needs, part by part, and which of them a host cannot meet.

Pure: from the recipe, the models' shapes and the host to a Plan. A part that does not fit is a refusal that names a
fix.
"""

from collections.abc import Iterator, Mapping, Sequence

from spar.evaluation.benchmarks.driver import ItemCounts
from spar.planning.call_estimates import NOTHING, PROMPT_TOKENS, TEMPLATE_TOKENS, added
from spar.planning.init_work import InitWork, init_work_of
from spar.planning.measuring import MeasurementWork, measuring_of
from spar.planning.memory import concurrent_sequences, trainer_memory, worker_memory
from spar.planning.records import Disk, Host, ModelShapes, Need, Plan, Share
from spar.planning.refusals import refused_trainer, refused_worker, sequences_per_sample
from spar.planning.shape import Shape
from spar.planning.work import StageWork, alike, stage_works
from spar.recipes.init import FIRST
from spar.recipes.iteration_settings import IterationSettings, settings_in
from spar.recipes.models import PriceSettings, Recipe, TrainingSettings

BYTES_PER_TOKEN = 4
"""An estimate: characters per token of English."""
COPIES = 2
"""Copies of each trained model: in the object store, and in the host's cache."""
CHECKPOINTS = 2
"""Checkpoints kept while a model is trained (spar.training.arguments)."""


def plan_of(
    recipe: Recipe,
    models: ModelShapes,
    host: Host,
    prompt_tokens: int = PROMPT_TOKENS,
    items: Mapping[str, ItemCounts] | None = None,
) -> Plan:
    """`items`: the sizes of the recipe's benchmarks (`plan_inputs.benchmark_items`)."""
    settings = [each for each, _ in alike(recipe)]
    workers = list(_workers(recipe, settings, models, host, prompt_tokens))
    trainers = list(_trainers(recipe, models))
    stages, init = stage_works(recipe, prompt_tokens), init_work_of(recipe, prompt_tokens)
    measured = measuring_of(recipe, items or {}, prompt_tokens)
    whole = tuple(_shares(recipe.budget.price, stages, init, measured))
    refusals = [
        *(refusal for need in workers for refusal in refused_worker(recipe, need, host)),
        *(refusal for need, shape, each in trainers for refusal in refused_trainer(need, shape, each, host)),
    ]
    return Plan(
        recipe=recipe.name,
        iterations=recipe.iterations,
        host=host,
        needs=(*workers, *(need for need, _, _ in trainers)),
        disk=_disk(recipe, settings, models, whole),
        stages=stages,
        measured=measured,
        whole=whole,
        refusals=tuple(refusals),
        notes=tuple(_notes(recipe, settings, models, host, workers, bool(workers or trainers))),
        init=init,
    )


def _shares(
    price: PriceSettings, stages: Sequence[StageWork], init: InitWork | None, measured: Sequence[MeasurementWork]
) -> Iterator[Share]:
    own = added([stage.work.calls.times(len(stage.iterations)) for stage in stages])
    own = added([own, *(each.own for each in measured), *([init.own] if init is not None else [])])
    judges = added([each.judge for each in measured])
    teacher = init.teacher if init is not None else NOTHING
    for who, calls, spent in (
        ("the run's own models", own, own.spent),
        ("the teacher", teacher, teacher.spent.teachers),
        ("outside judges", judges, judges.spent),
    ):
        if calls.most:
            yield Share(who, calls, None if price.calls_free else spent.money(price))


def _lengths(settings: Sequence[IterationSettings], prompt_tokens: int) -> dict[str, int]:
    """The longest sequence of each skill in any stage, in tokens, if every reply reaches its limit."""
    each = [_stage_lengths(stage, prompt_tokens) for stage in settings]
    return {part: max(lengths[part] for lengths in each) for part in each[0]}


def _stage_lengths(settings: IterationSettings, prompt_tokens: int) -> dict[str, int]:
    response = max(settings.generation.max_tokens, settings.search.max_tokens)
    judged = TEMPLATE_TOKENS + prompt_tokens + response + settings.judgment.max_tokens
    return {
        "generation": prompt_tokens + settings.generation.max_tokens,
        "judgment": judged,
        "refinement": judged + settings.search.max_tokens,
    }


def _workers(
    recipe: Recipe, settings: Sequence[IterationSettings], models: ModelShapes, host: Host, prompt_tokens: int
) -> Iterator[Need]:
    engine = recipe.engine
    if engine.kind not in ("vllm", "transformers") or engine.url is not None:
        return
    adapters, rank = _adapters(recipe)
    for part, wanted in _lengths(settings, prompt_tokens).items():
        name, shape = ("actor", models.actor) if part == "generation" else ("refiner", models.refiner)
        if shape is None:
            continue
        length = min(wanted, shape.positions, (engine.vllm.max_model_len or wanted))
        memory = worker_memory(shape, engine, length, adapters, rank)
        fits = None
        if host.gpu_memory is not None:
            fits = concurrent_sequences(shape, engine, memory, length, host.gpu_memory)
        gpus = engine.vllm.tensor_parallel if engine.kind == "vllm" else 1
        yield Need(part=part, model=name, gpus=gpus, memory=memory, length=length, sequences=fits)


def _adapters(recipe: Recipe) -> tuple[int, int]:
    """How many adapters one engine serves, and their largest rank."""
    if not recipe.training.trains:
        return 0, 0
    kept = [each.lora for each in (recipe.training.actor, recipe.training.refiner) if each.lora and not each.lora.merge]
    return len(kept), max((lora.rank for lora in kept), default=0)


def _trainers(recipe: Recipe, models: ModelShapes) -> Iterator[tuple[Need, Shape, TrainingSettings]]:
    """Each distinct training once; those of the starting models first."""
    shapes = {"actor": models.actor, "refiner": models.refiner}
    seen: list[tuple[str, TrainingSettings]] = []
    for part, name, key, settings in _trainings(recipe):
        shape = shapes[name]
        if shape is None or settings.kind != "trl" or (key, settings) in seen:
            continue
        again = any(known == key for known, _ in seen)
        seen.append((key, settings))
        memory = trainer_memory(shape, settings, sequences_per_sample(settings))
        length, gpus = settings.max_length, settings.launch.processes
        yield (
            Need(
                part=part if again else f"train {_key_name(key)}",
                model=name,
                gpus=gpus,
                memory=memory,
                length=length,
                key=key,
            ),
            shape,
            settings,
        )


def _trainings(recipe: Recipe) -> Iterator[tuple[str, str, str, TrainingSettings]]:
    """For each training: its label where settings change, the role's model, the settings' key, and the settings."""
    if recipe.init is not None:
        for role, settings in (("actor", recipe.init.actor), ("refiner", recipe.init.refiner)):
            yield "", role, f"init.{role}", settings
    for iteration in range(FIRST, FIRST + recipe.iterations):
        for role, each in _trained(settings_in(recipe, iteration)):
            yield f"train {role} from {iteration}", role, f"training.{role}", each


def _key_name(key: str) -> str:
    """`init.actor` is the init actor, `training.actor` the actor."""
    return key.removeprefix("training.").replace(".", " ")


def _trained(settings: IterationSettings) -> list[tuple[str, TrainingSettings]]:
    if not settings.training.trains:
        return []
    actor: tuple[str, TrainingSettings] = ("actor", settings.training.actor)
    return [actor, ("refiner", settings.training.refiner)] if settings.refiner_fate == "trained" else [actor]


def _disk(recipe: Recipe, settings: Sequence[IterationSettings], models: ModelShapes, whole: Sequence[Share]) -> Disk:
    stored = 2 if recipe.engine.dtype == "bfloat16" else 4
    shapes = {"actor": models.actor, "refiner": models.refiner}
    trained, checkpoints = 0, 0
    for each in settings:
        size = 0
        for name, training in _trained(each):
            shape = shapes[name]
            if shape is not None and training.kind == "trl":
                lora = training.lora
                trainable = shape.parameters if lora is None else shape.lora_parameters(lora.rank)
                size += 4 * trainable if lora is not None and not lora.merge else stored * shape.parameters
                checkpoints = max(checkpoints, CHECKPOINTS * 12 * trainable)
        trained = max(trained, size)
    named = {(recipe.models.actor, models.actor), (recipe.models.refiner, models.refiner)}
    bases = sum(stored * shape.parameters for _, shape in named if shape is not None)
    texts = sum(share.calls.written for share in whole) * BYTES_PER_TOKEN
    per_iteration = COPIES * trained
    # Making the starting models counts as one more iteration: one training each.
    iterations = recipe.iterations + (recipe.init is not None)
    total = bases + checkpoints + texts + iterations * per_iteration
    return Disk(bases=bases, models_per_iteration=per_iteration, texts=texts, checkpoints=checkpoints, total=total)


def _notes(
    recipe: Recipe,
    settings: Sequence[IterationSettings],
    models: ModelShapes,
    host: Host,
    workers: list[Need],
    uses_gpus: bool,
) -> Iterator[str]:
    if not recipe.training.trains:
        yield "Nothing is trained (training: none): the run ends with pairs and examples, for `spar export`."
    if uses_gpus and (host.gpu_memory is None or host.gpus is None):
        yield "No GPU was found or given (--gpu-memory, --gpus): needs are listed, but not checked against a host."
    together = 3 * max((need.gpus for need in workers), default=0)
    if host.gpus is not None and 0 < host.gpus < together:
        yield (
            f"Separate workers for generation, judgment and refinement need {together} GPUs; there are {host.gpus}: "
            "use deploy/compose/single-gpu.yml, where one worker does all in turn (as does `spar run`)."
        )
    for part, wanted in _lengths(settings, 0).items():
        shape = models.actor if part == "generation" else models.refiner
        limit = min(shape.positions, recipe.engine.vllm.max_model_len or shape.positions) if shape else None
        if limit is not None and wanted >= limit:
            yield (
                f"{part}: replies at their limits leave no room for a prompt in {limit} tokens: max_tokens is lowered "
                "to what is left, which is counted; a conversation that leaves nothing fails as too long."
            )
