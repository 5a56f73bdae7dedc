"""A directory of safetensors, configuration and tokenizer -> a model ready to decode, or a ModelUnusable that says why.

Loads no code from the directory, and only safetensors. The model computes attention by `attend`, registered with
transformers as `spar`: for one new token per row plain batched products, four times as fast on a CPU as the fused
kernel at this shape, and without copying grouped keys; for a whole prompt the fused causal kernel. Knows nothing of
batches or caches.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AttentionInterface, AutoTokenizer
from transformers.utils import logging as transformers_logging

from spar.checkpoints.end_tokens import end_tokens
from spar.checkpoints.loading import load_weights, put_adapter
from spar.engines.base import LocalModel
from spar.engines.generation_defaults import warn_of_unused_defaults
from spar.errors import ModelUnusable
from spar.lora import base_folder, is_adapter

ATTENTION = "spar"


ONE_AT_A_TIME = threading.Lock()
"""Reading weights swaps torch's default device for the whole process: two at once give tensors without data."""


ELSEWHERE = "Serve it with an OpenAI-compatible server instead (engine.kind openai)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model in memory. `ends` are the tokens that end a reply, `positions` how many tokens it takes in all."""

    model: Any
    tokenizer: Any
    ends: list[int]
    positions: int


def load(model: LocalModel, dtype: str) -> Loaded:
    """Read the model's directory onto the GPU if torch sees one, else the CPU."""
    path = _directory(model)
    whole = base_folder(path) if is_adapter(path) else path
    _check_files(whole)
    warn_of_unused_defaults(whole)
    transformers_logging.disable_progress_bar()
    try:
        with ONE_AT_A_TIME:
            tokenizer, network = _read(path, whole, dtype)
    except ModelUnusable:
        raise
    except Exception as error:
        raise ModelUnusable(
            f"The model in {path} cannot be loaded: {error}.",
            "Write its files anew: config.json, model.safetensors and tokenizer.json must be of one model.",
        ) from error
    network.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
    positions = _positions(whole, network)
    if tokenizer.chat_template is None:
        raise ModelUnusable(
            f"The tokenizer in {whole} has no chat template.",
            "Put a chat_template.jinja beside it, or choose a chat model.",
        )
    return Loaded(model=network, tokenizer=tokenizer, ends=sorted(end_tokens(whole, tokenizer)), positions=positions)


def _read(path: Path, whole: Path, dtype: str) -> tuple[Any, Any]:
    tokenizer = AutoTokenizer.from_pretrained(whole, local_files_only=True)
    network = load_weights(whole, getattr(torch, dtype), attn_implementation=ATTENTION)
    return tokenizer, network if whole == path else _with_adapter(network, path)


def _with_adapter(network: Any, adapter: Path) -> Any:
    """Added to the weights: decoding is as fast as without, and every adapter in use costs the memory of a model."""
    return put_adapter(network, adapter).merge_and_unload()


def _directory(model: LocalModel) -> Path:
    path = model.path
    if path is None:
        raise ModelUnusable(
            f"The model '{model.name or model.fingerprint}' is only a name, and this engine needs a directory.",
            "Give a directory of weights, or use engine.kind openai with the server that knows the name.",
        )
    if not path.is_dir():
        raise ModelUnusable(f"There is no model directory {path}.", "Check the path in the recipe's models section.")
    return path


def _check_files(path: Path) -> None:
    missing = [name for name, pattern in NEEDED.items() if not any(path.glob(pattern))]
    if missing:
        raise ModelUnusable(
            f"The model directory {path} has no {' and no '.join(missing)}.",
            "Copy the missing files there, or name another directory.",
        )


NEEDED = {
    "config.json": "config.json",
    "weights (*.safetensors)": "*.safetensors",
    "tokenizer (tokenizer.json or tokenizer_config.json)": "tokenizer*.json",
}


def _positions(path: Path, network: Any) -> int:
    """How many tokens the model takes; refuses attention that this decode loop does not compute."""
    config = network.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    capped = getattr(config, "attn_logit_softcapping", None)
    if kinds or capped or not getattr(network, "_supports_attention_backend", False):
        reason = ", ".join(sorted(kinds)) or ("capped attention" if capped else "custom attention")
        raise ModelUnusable(f"The model in {path} has {reason}, which this engine does not decode.", ELSEWHERE)
    window = getattr(config, "sliding_window", None) or config.max_position_embeddings
    return int(min(config.max_position_embeddings, window))


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Scaled dot-product attention, one new token per row or a whole prompt.

    query (rows, query heads, queries, dim); key and value (rows, key heads, time, dim); additive mask (rows, 1, 1,
    time) -> (rows, queries, query heads, dim), as transformers expects it.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.shape[2] == 1 and attention_mask is not None:
        return _one_token(query * scale, key, value, attention_mask), None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    out = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
    return out.transpose(1, 2).contiguous(), None


def _one_token(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """query (rows, query heads, 1, dim) -> (rows, 1, query heads, dim)."""
    rows, heads = query.shape[:2]
    grouped = query.reshape(rows, key.shape[1], -1, query.shape[-1])
    scores = (grouped @ key.transpose(2, 3)).add_(mask)
    out = torch.softmax(scores, -1) @ value
    return out.reshape(rows, 1, heads, value.shape[-1])


AttentionInterface.register(ATTENTION, attend)
