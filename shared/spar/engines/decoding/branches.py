"""Which rows have the same tokens so far: they are one branch, computed once, until they draw different tokens.

Votes of one refiner on one text often agree for a long way, so that five of them cost little more than one. Rows of
different calls with the same prompt share as well. What a row draws depends on its own numbers alone, so sharing
changes no text. Knows nothing of models or calls.
"""

import torch

from spar.engines.decoding.cache import Layers, RowCache

ROOM_FOR_TOKENS = 1 << 32  # more than any vocabulary: (branch, token) becomes one number


class Branches:
    """`of` (rows,) holds the branch of each row; branch b's keys and values are row b of the cache."""

    def __init__(self, cache: RowCache, device: torch.device) -> None:
        self.cache = cache
        self.of = torch.zeros(0, dtype=torch.long, device=device)

    def join(self, prompts: Layers, source: torch.Tensor, tokens: torch.Tensor) -> None:
        """New rows at the end: row j has prompt source[j] of a prefilled batch and has drawn tokens[j].

        prompts (prompts, heads, length, dim) per layer; source and tokens (new rows,).
        """
        groups, member = torch.unique(source * ROOM_FOR_TOKENS + tokens, return_inverse=True)
        self.of = torch.cat([self.of, self.cache.rows + member])
        self.cache.join(prompts, groups // ROOM_FOR_TOKENS)

    def speakers(self) -> torch.Tensor:
        """(branches,): one row of each branch, any of them."""
        speakers = torch.empty(self.cache.rows, dtype=torch.long, device=self.of.device)
        speakers[self.of] = torch.arange(len(self.of), device=self.of.device)
        return speakers

    def diverge(self, tokens: torch.Tensor) -> None:
        """Rows of a branch that drew different tokens (rows,) diverge: the first group keeps it, the others fork."""
        groups, member = torch.unique(self.of * ROOM_FOR_TOKENS + tokens, return_inverse=True)
        if len(groups) == self.cache.rows:
            return
        origin = groups // ROOM_FOR_TOKENS
        forks = torch.ones_like(origin, dtype=torch.bool)
        forks[:1] = False
        forks[1:] = origin[1:] == origin[:-1]  # groups are sorted, so those of one branch are adjacent
        place = torch.where(forks, self.cache.rows + forks.cumsum(0) - 1, origin)
        self.cache.fork(origin[forks])
        self.of = place[member]

    def keep(self, order: torch.Tensor) -> None:
        """Keep these rows, in this order (rows left,); branches without a row leave, and the last ones fill in."""
        self.of = self.of[order]
        used = torch.zeros(self.cache.rows, dtype=torch.bool, device=self.of.device)
        used[self.of] = True
        left = int(used.sum())
        if left == self.cache.rows:
            return
        holes = (~used[:left]).nonzero()[:, 0]
        fillers = left + used[left:].nonzero()[:, 0]
        moved = torch.arange(self.cache.rows, device=self.of.device)
        moved[fillers] = holes
        self.of = moved[self.of]
        self.cache.leave(holes, fillers, left)
