"""The memory of an engine's worker and of a trainer on one GPU, part by part, in bytes.

Weights, gradients, optimizer states and KV cache are exact; activations, logits and overhead are estimates. Sources:
Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054, section 3) for 16 bytes a parameter in mixed precision; Korthikanti et
al. 2022 (arXiv 2205.05198) for activations and what recomputing them saves; Kwon et al. 2023 (vLLM, arXiv 2309.06180)
for the KV cache, which takes what the weights leave.
"""

from dataclasses import dataclass, field

from spar.planning.shape import BYTES, Shape
from spar.recipes.models import EngineSettings, TrainingSettings

GIB = 1 << 30
OVERHEAD = 2 * GIB
"""An estimate: CUDA context, communication buffers, fragmentation."""
LOGIT_ROWS = 1024
"""An estimate: positions whose logits exist at once; TRL computes log-probabilities in chunks."""
DIVIDED = ("fsdp", "zero3", "zero3-offload")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one GPU by part, and in the host's memory for all of its processes together."""

    parts: dict[str, int]
    host: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def worker_memory(shape: Shape, engine: EngineSettings, length: int, adapters: int = 0, rank: int = 0) -> Memory:
    """One server's share of one GPU: the least with which it can answer one sequence of `length` tokens.

    With `adapters` of `rank`, all of them beside one base (vllm), or each merged into a model of its own (else).
    """
    spread = engine.vllm.tensor_parallel if engine.kind == "vllm" else 1
    weight = BYTES[engine.dtype]
    models = max(1, adapters) if engine.kind != "vllm" else 1
    parts = {
        "weights": _divided(models * shape.parameters * weight, spread),
        "kv_cache_one_sequence": _divided(shape.kv_bytes_per_token(engine.dtype) * length, spread),
        "overhead": OVERHEAD,
    }
    if adapters and engine.kind == "vllm":
        parts["adapters"] = _divided(adapters * shape.lora_parameters(rank) * weight, spread)
    return Memory(parts, host=shape.parameters * weight)


def concurrent_sequences(shape: Shape, engine: EngineSettings, least: Memory, length: int, gpu: int) -> int:
    """Sequences of `length` tokens whose cache fits at once beside the rest; at most `engine.max_batch`."""
    spread = engine.vllm.tensor_parallel if engine.kind == "vllm" else 1
    usable = int(gpu * engine.vllm.gpu_memory_utilization) if engine.kind == "vllm" else gpu
    left = usable - least.total + least.parts["kv_cache_one_sequence"]
    each = max(1, _divided(shape.kv_bytes_per_token(engine.dtype) * length, spread))
    return max(0, min(engine.max_batch, left // each))


def trainer_memory(shape: Shape, settings: TrainingSettings, sequences: int) -> Memory:
    """One process's GPU. `sequences` are decoded together per sample: two for DPO (chosen, rejected), one for SFT.

    The reference's log-probabilities are computed before the first step: it costs no memory beside the optimizer.
    """
    processes = settings.launch.processes
    micro = settings.micro_batch_size or max(1, settings.batch_size // processes)
    tokens = micro * sequences * settings.max_length
    states = _adapter_states(shape, settings) if settings.lora is not None else _full_states(shape, settings)
    parts = {**states.parts, **_activations(shape, settings, tokens), "overhead": OVERHEAD}
    return Memory(parts, states.host, states.notes)


def _full_states(shape: Shape, settings: TrainingSettings) -> Memory:
    """float32 weights 4, gradients 4, AdamW's two moments 8 bytes a parameter, divided by FSDP and ZeRO-3.

    A user's own configuration file is taken to divide. bfloat16 computing adds a copy of the weights: of all under
    autocast, of two layers and the embeddings at a time where they are gathered.
    """
    count, processes, config = shape.parameters, settings.launch.processes, settings.launch.config
    computes = BYTES[settings.dtype] if settings.dtype != "float32" else 0
    if config == "none":
        parts = {"weights": 4 * count, "gradients": 4 * count, "optimizer": 8 * count, "computing": computes * count}
        return Memory(parts, host=4 * count * processes)
    gathered = (2 * shape.layer_parameters + shape.embedding_parameters) * (computes or 4)
    if config in ("zero3", "zero3-offload"):
        low = computes or 4  # DeepSpeed's weights and gradients; its masters and moments are 12 bytes
        parts = {"weights": low * count, "gradients": low * count, "optimizer": 12 * count}
    else:
        parts = {"weights": 4 * count, "gradients": 4 * count, "optimizer": 8 * count}
    parts = {name: _divided(size, processes) for name, size in parts.items()}
    host = 4 * count
    if config == "zero3-offload":
        parts["optimizer"] = 0
        host += 12 * count
    return Memory({**parts, "computing": gathered}, host)


def _adapter_states(shape: Shape, settings: TrainingSettings) -> Memory:
    """The frozen base as it computes, once a process; the adapter with 16 bytes a parameter."""
    assert settings.lora is not None
    base = (2 if settings.dtype == "bfloat16" else 4) * shape.parameters
    trained = shape.lora_parameters(settings.lora.rank)
    parts = {"weights": base + 4 * trained, "gradients": 4 * trained, "optimizer": 8 * trained}
    return Memory(parts, host=base * settings.launch.processes)


def _activations(shape: Shape, settings: TrainingSettings, tokens: int) -> dict[str, int]:
    layer = shape.layer_activations(tokens, settings.dtype)
    inputs = tokens * shape.hidden * BYTES[settings.dtype]
    kept = shape.layers * inputs + layer if settings.gradient_checkpointing else shape.layers * layer
    # Logits in float32, their softmax and their gradient, of a chunk at a time.
    return {"activations": kept, "logits": 3 * 4 * min(tokens, LOGIT_ROWS) * shape.vocabulary}


def _divided(size: int, by: int) -> int:
    return -(-size // by)
