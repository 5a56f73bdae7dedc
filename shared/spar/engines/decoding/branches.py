"""Which rows have the same tokens so far: they are one branch, computed once, until they draw different tokens.

Votes of one refiner on one text often agree for a long way, so that five of them cost little more than one. Rows of
different calls with the same prompt share as well. What a row draws depends on its own numbers alone, so sharing
changes no text. Knows nothing of models or calls.
"""

import torch

from spar.engines.decoding.cache import Layers, RowCache

ROOM_FOR_TOKENS = 1 << 32  # more than any vocabulary: (branch, token) becomes one number


class Branches:
    """`of[r]` is the branch of row r; branch b's keys and values are row b of the cache."""

    def __init__(self, cache: RowCache, device: torch.device) -> None:
        self.cache = cache
        self.of = torch.zeros(0, dtype=torch.long, device=device)

    def join(self, prompts: Layers, source: torch.Tensor, tokens: torch.Tensor) -> None:
        """New rows at the end, with prompt source[j] of a prefilled batch and their first token drawn."""
        groups, member = torch.unique(source * ROOM_FOR_TOKENS + tokens, return_inverse=True)
        self.of = torch.cat([self.of, self.cache.rows + member])
        self.cache.join(prompts, groups // ROOM_FOR_TOKENS)

    def speakers(self) -> torch.Tensor:
        """[branches]: a row of each branch; which one does not matter."""
        speakers = torch.empty(self.cache.rows, dtype=torch.long, device=self.of.device)
        speakers[self.of] = torch.arange(len(self.of), device=self.of.device)
        return speakers

    def part(self, tokens: torch.Tensor) -> None:
        """Rows that drew different tokens go different ways: the first group of a branch keeps it, others fork."""
        groups, member = torch.unique(self.of * ROOM_FOR_TOKENS + tokens, return_inverse=True)
        if len(groups) == self.cache.rows:
            return
        origin = groups // ROOM_FOR_TOKENS
        parts = torch.ones_like(origin, dtype=torch.bool)
        parts[:1] = False
        parts[1:] = origin[1:] == origin[:-1]  # groups are sorted, so a branch's stand together
        place = torch.where(parts, self.cache.rows + parts.cumsum(0) - 1, origin)
        self.cache.fork(origin[parts])
        self.of = place[member]

    def keep(self, order: torch.Tensor) -> None:
        """These rows are left, in this order; branches that nobody is on go, and the last ones fill their places."""
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
