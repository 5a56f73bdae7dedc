"""Draws tokens: logits and one uniform number per row -> one token per row, by inverting the distribution function.

Each row depends on its own logits and numbers only, so that its company in the batch cannot change its text.
"""

import numpy as np
import torch

TOP_P_FIRST_LOOK = 64  # tokens sorted before the whole vocabulary is: they nearly always hold the mass wanted


def uniforms(seed: int, count: int) -> torch.Tensor:
    """`count` numbers in [0, 1), the stream of this seed: number t draws token t. Counter-based: cheap to seed."""
    return torch.from_numpy(np.random.Generator(np.random.Philox(key=seed)).random(count))


def draw(logits: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """logits [B, V]; temperature, top_p, uniform [B] float64 -> tokens [B]. Temperature 0 takes the likeliest."""
    greedy = temperature == 0
    if bool(greedy.all()):
        return logits.argmax(-1)
    warmth = torch.where(greedy, 1.0, temperature)
    probabilities = torch.softmax(logits.double() / warmth[:, None], -1)
    nucleus = (top_p < 1) & ~greedy
    tokens = torch.where(greedy, logits.argmax(-1), _invert(probabilities, uniform))
    if bool(nucleus.any()):
        tokens[nucleus] = _nucleus(probabilities[nucleus], top_p[nucleus], uniform[nucleus])
    return tokens


def _invert(probabilities: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """The first index at which the cumulated (not necessarily normalised) mass passes uniform * total."""
    mass = probabilities.cumsum(-1)
    target = uniform[:, None] * mass[:, -1:]
    last = (probabilities > 0).cumsum(-1).argmax(-1)  # rounding may not carry a draw past the last possible token
    return torch.minimum((mass <= target).sum(-1), last)


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Draw among the likeliest tokens that together reach top_p; the first is always among them."""
    look = min(TOP_P_FIRST_LOOK, probabilities.shape[-1])
    best, order = probabilities.topk(look, dim=-1)
    short = best.sum(-1) < top_p
    tokens = _draw_sorted(best, order, top_p, uniform)
    if bool(short.any()):
        best, order = probabilities[short].sort(dim=-1, descending=True, stable=True)
        tokens[short] = _draw_sorted(best, order, top_p[short], uniform[short])
    return tokens


def _draw_sorted(best: torch.Tensor, order: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    before = best.cumsum(-1) - best
    kept = torch.where(before < top_p[:, None], best, 0.0)
    return order.gather(1, _invert(kept, uniform)[:, None])[:, 0]
