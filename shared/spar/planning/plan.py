"""A whole run's needs, part by part, and what of them a host cannot give.

Pure: the recipe, the models' shapes and the host come in, a Plan goes out. A part that cannot fit is a Refusal with
what would make it fit.
"""

from collections.abc import Iterator

from spar.planning.init_work import InitWork, init_work_of
from spar.planning.memory import concurrent_sequences, trainer_memory, worker_memory
from spar.planning.records import Disk, Host, Models, Need, Plan
from spar.planning.refusals import refused_trainer, refused_worker, sequences_per_sample
from spar.planning.shape import Shape
from spar.planning.work import Work, work_of
from spar.recipes.models import Recipe, TrainingSettings

TEMPLATE_TOKENS = 256
"""An estimate: what the judge and refine templates add to a prompt and a response."""
BYTES_PER_TOKEN = 4
"""An estimate: characters of a token of English."""
COPIES = 2
"""Of each trained model: in the object store, and in the host's cache."""
CHECKPOINTS = 2
"""Kept while a model is trained (spar.training.arguments)."""


def plan_of(recipe: Recipe, models: Models, host: Host, prompt_tokens: int = 512) -> Plan:
    workers = list(_workers(recipe, models, host, prompt_tokens))
    trainers = list(_trainers(recipe, models))
    work, init = work_of(recipe), init_work_of(recipe)
    refusals = [
        *(refusal for need in workers for refusal in refused_worker(recipe, need, host)),
        *(refusal for need, shape, settings in trainers for refusal in refused_trainer(need, shape, settings, host)),
    ]
    return Plan(
        recipe=recipe.name,
        iterations=recipe.iterations,
        host=host,
        needs=(*workers, *(need for need, _, _ in trainers)),
        disk=_disk(recipe, models, work, init),
        work=work,
        refusals=tuple(refusals),
        notes=tuple(_notes(recipe, models, host, workers)),
        init=init,
    )


def _lengths(recipe: Recipe, prompt_tokens: int) -> dict[str, int]:
    """Tokens of the longest sequence of each skill, if every reply is as long as its limit."""
    response = max(recipe.generation.max_tokens, recipe.search.max_tokens)
    judged = TEMPLATE_TOKENS + prompt_tokens + response + recipe.judgment.max_tokens
    return {
        "generation": prompt_tokens + recipe.generation.max_tokens,
        "judgment": judged,
        "refinement": judged + recipe.search.max_tokens,
    }


def _workers(recipe: Recipe, models: Models, host: Host, prompt_tokens: int) -> Iterator[Need]:
    engine = recipe.engine
    if engine.kind not in ("vllm", "transformers") or engine.url is not None:
        return
    adapters, rank = _adapters(recipe)
    for part, wanted in _lengths(recipe, prompt_tokens).items():
        name, shape = ("actor", models.actor) if part == "generation" else ("refiner", models.refiner)
        if shape is None:
            continue
        length = min(wanted, shape.positions, (engine.vllm.max_model_len or wanted))
        memory = worker_memory(shape, engine, length, adapters, rank)
        fits = None
        if host.gpu_memory is not None:
            fits = concurrent_sequences(shape, engine, memory, length, host.gpu_memory)
        gpus = engine.vllm.tensor_parallel if engine.kind == "vllm" else 1
        yield Need(part, name, gpus, memory, length, fits)


def _adapters(recipe: Recipe) -> tuple[int, int]:
    """How many adapters one engine serves, and their greatest rank."""
    kept = [each.lora for each in (recipe.training.actor, recipe.training.refiner) if each.lora and not each.lora.merge]
    return len(kept), max((lora.rank for lora in kept), default=0)


def _trainers(recipe: Recipe, models: Models) -> Iterator[tuple[Need, Shape, TrainingSettings]]:
    plans: tuple[tuple[str, Shape | None, TrainingSettings], ...] = (
        ("actor", models.actor, recipe.training.actor),
        ("refiner", models.refiner, recipe.training.refiner),
    )
    for name, shape, settings in plans:
        if shape is not None and settings.kind == "trl":
            memory = trainer_memory(shape, settings, sequences_per_sample(settings))
            yield (
                Need(f"train {name}", name, settings.launch.processes, memory, settings.max_length),
                shape,
                settings,
            )


def _disk(recipe: Recipe, models: Models, work: Work, init: InitWork | None) -> Disk:
    stored = 2 if recipe.engine.dtype == "bfloat16" else 4
    trained, checkpoints, bases = 0, 0, set()
    for shape, settings in ((models.actor, recipe.training.actor), (models.refiner, recipe.training.refiner)):
        if shape is None or settings.kind != "trl":
            continue
        lora = settings.lora
        trainable = shape.parameters if lora is None else shape.lora_parameters(lora.rank)
        trained += 4 * trainable if lora is not None and not lora.merge else stored * shape.parameters
        checkpoints = max(checkpoints, CHECKPOINTS * 12 * trainable)
    for name, shape in ((recipe.models.actor, models.actor), (recipe.models.refiner, models.refiner)):
        if shape is not None:
            bases.add((name, stored * shape.parameters))
    size = sum(each for _, each in bases)
    texts = work.generated_tokens_at_most * BYTES_PER_TOKEN
    per_iteration = COPIES * trained
    before = 0
    if init is not None:  # one training of each, as in an iteration
        before = per_iteration + (init.teacher_tokens_at_most + init.own_tokens_at_most) * BYTES_PER_TOKEN
    return Disk(
        bases=size,
        models_per_iteration=per_iteration,
        texts_per_iteration=texts,
        checkpoints=checkpoints,
        total=size + checkpoints + before + recipe.iterations * (per_iteration + texts),
    )


def _notes(recipe: Recipe, models: Models, host: Host, workers: list[Need]) -> Iterator[str]:
    if host.gpu_memory is None or host.gpus is None:
        yield "No GPU was found or told (--gpu-memory, --gpus): the needs are listed, and nothing is refused."
    together = 3 * max((need.gpus for need in workers), default=0)
    if host.gpus is not None and 0 < host.gpus < together:
        yield (
            f"Generation, judgment and refinement in workers of their own want {together} GPUs, and there are "
            f"{host.gpus}: use deploy/compose/single-gpu.yml, where one worker does all in turn (`spar run` does too)."
        )
    for part, wanted in _lengths(recipe, 0).items():
        shape = models.actor if part == "generation" else models.refiner
        limit = min(shape.positions, recipe.engine.vllm.max_model_len or shape.positions) if shape else None
        if limit is not None and wanted >= limit:
            yield f"{part}: replies at their limits leave no room for a prompt in {limit} tokens; such calls are cut."
