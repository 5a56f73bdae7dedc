"""Prefill: each prompt is read once, in batches of similar length, and its keys, values and logits are kept until all
its samples have rows.

Knows nothing of sampling or of the running batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

Ids = tuple[int, ...]
TOKENS_AT_ONCE = 4096  # padded tokens of one forward pass: bounds memory and the time that running rows wait
PADDING_SHARE = 0.25  # padding a batch may have, as a share of its real tokens ...
PADDING_FREE = 128  # ... or this many: one more forward pass costs as much


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A batch of prompts that were read: per layer keys and values (prompts, heads, length, dim); logits (prompts,
    vocabulary) of the next token."""

    layers: list[tuple[torch.Tensor, torch.Tensor]]
    logits: torch.Tensor


@dataclass(frozen=True, slots=True)
class Prefix:
    """One prompt that was read: its row in a prefilled batch."""

    batch: Prefilled
    place: int


def groups(prompts: Sequence[Ids]) -> Iterator[list[Ids]]:
    """Cut prompts into batches of similar length."""
    batch: list[Ids] = []
    for ids in sorted(prompts, key=len):
        if batch and not _fits(batch, len(ids)):
            yield batch
            batch = []
        batch.append(ids)
    if batch:
        yield batch


def _fits(batch: list[Ids], width: int) -> bool:
    real = sum(map(len, batch)) + width
    whole = width * (len(batch) + 1)
    return whole <= TOKENS_AT_ONCE and whole - real <= max(PADDING_FREE, PADDING_SHARE * real)


def prefill(model: Any, prompts: Sequence[Ids]) -> dict[Ids, Prefix]:
    """Read one batch of different prompts. Padding is on the right, where the causal mask hides it."""
    lengths = [len(ids) for ids in prompts]
    width = max(lengths)
    rows = torch.tensor([ids + (0,) * (width - len(ids)) for ids in prompts], device=model.device)
    ends = sorted({length - 1 for length in lengths})
    cache = DynamicCache()
    out = model(
        input_ids=rows,
        position_ids=torch.arange(width, device=model.device)[None].expand(len(prompts), -1),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=torch.tensor(ends, device=model.device),
    )
    last = torch.tensor([ends.index(length - 1) for length in lengths], device=model.device)
    logits = out.logits[torch.arange(len(prompts), device=model.device), last]
    batch = Prefilled([(layer.keys, layer.values) for layer in cache.layers], logits)
    return {ids: Prefix(batch, place) for place, ids in enumerate(prompts)}
