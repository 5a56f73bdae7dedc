"""Needs that a host cannot meet, and the smallest change to the recipe that makes them fit. Pure."""

import shlex
from collections.abc import Iterator

from spar.planning.memory import GIB, trainer_memory
from spar.planning.records import Host, Need, PlanRefusal
from spar.planning.shape import Shape
from spar.recipes.models import LaunchSettings, LoraSettings, Recipe, TrainingSettings


def refused_worker(recipe: Recipe, need: Need, host: Host) -> Iterator[PlanRefusal]:
    """Why a worker with this need cannot run on the host: too few GPUs, or too little memory on each."""
    if host.gpus is not None and need.gpus > host.gpus:
        fix = f"Set engine.vllm.tensor_parallel to {host.gpus} at most, or add GPUs."
        yield PlanRefusal(part=need.part, what=f"needs {need.gpus} GPUs, and there are {host.gpus}", fix=fix)
    share = recipe.engine.vllm.gpu_memory_utilization if recipe.engine.kind == "vllm" else 1.0
    if host.gpu_memory is None or need.memory.total <= host.gpu_memory * share:
        return
    what = f"needs {_gib(need.memory.total)} a GPU, and has {_gib(int(host.gpu_memory * share))}"
    wider = need.gpus
    while wider < 16 and need.memory.total * need.gpus / wider > host.gpu_memory * share:
        wider *= 2
    fix = f"Use --set engine.kind=vllm --set engine.vllm.tensor_parallel={wider}, or a smaller model."
    yield PlanRefusal(part=need.part, what=what, fix=fix)


def refused_trainer(need: Need, shape: Shape, settings: TrainingSettings, host: Host) -> Iterator[PlanRefusal]:
    if host.gpus is not None and need.gpus > host.gpus:
        fix = f"Lower {need.key}.launch.processes, or add GPUs."
        yield PlanRefusal(part=need.part, what=f"needs {need.gpus} GPUs, and there are {host.gpus}", fix=fix)
    if host.gpu_memory is None or need.memory.total <= host.gpu_memory:
        return
    what = f"needs {_gib(need.memory.total)} a GPU, and has {_gib(host.gpu_memory)}"
    yield PlanRefusal(part=need.part, what=what, fix=_what_would_fit(need, shape, settings, host))


def _what_would_fit(need: Need, shape: Shape, settings: TrainingSettings, host: Host) -> str:
    """The first change that fits, as command line options; the least intrusive are tried first."""
    for changes in _changes(settings, host.gpus or 8):
        changed = type(settings).model_validate({**settings.model_dump(), **changes})
        memory = trainer_memory(shape, changed, sequences_per_sample(settings))
        if host.gpu_memory is not None and memory.total <= host.gpu_memory:
            return "Use " + " ".join(_options(need.key, changes)) + "."
    return "Use GPUs with more memory, more of them, or a smaller model."


def _changes(settings: TrainingSettings, gpus: int) -> Iterator[dict[str, object]]:
    recompute: dict[str, object] = {"gradient_checkpointing": True}
    yield recompute
    small = {**recompute, "micro_batch_size": 1}
    yield small
    if settings.lora is None:
        for config in ("fsdp", "zero3-offload"):
            for processes in (2, 4, 8, 16):
                if processes <= gpus and settings.batch_size % processes == 0:
                    yield {**small, "launch": LaunchSettings(processes=processes, config=config).model_dump()}
        yield {**small, "launch": LaunchSettings().model_dump(), "lora": LoraSettings().model_dump()}


def _options(prefix: str, changes: dict[str, object]) -> Iterator[str]:
    for key, value in changes.items():
        if isinstance(value, dict):
            keep = ("rank",) if key == "lora" else tuple(value)
            yield from _options(f"{prefix}.{key}", {name: value[name] for name in keep})
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield shlex.join(["--set", f"{prefix}.{key}={text}"])


def sequences_per_sample(settings: TrainingSettings) -> int:
    return 2 if getattr(settings, "method", "") == "dpo" else 1


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
