"""What each running row is doing, as one tensor per property: position, tokens drawn, limits, temperature, numbers.

A row is one sample. Rows are dense; which of them share a branch, `branches` says. Knows nothing of models.
"""

import torch

from spar.engines.decoding.calls import Reply, SampleCall
from spar.engines.decoding.sampler import draw, uniforms


class Rows:
    """The running rows. `owners[r]` says which call and sample row r draws for."""

    def __init__(self, ends: list[int], device: torch.device) -> None:
        self.owners: list[tuple[SampleCall, int]] = []
        self._device = device
        self._ends = torch.tensor(ends, dtype=torch.long, device=device)
        self.position = self._integers(0)  # where the next token's keys go
        self.drawn = self._integers(0)
        self.limit = self._integers(0)
        self._scales = torch.zeros((2, 0), dtype=torch.float64, device=device)  # temperature, top_p
        self._numbers = torch.zeros((0, 0), dtype=torch.float64, device=device)
        self._tokens = self._integers(0, 0)

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def last_tokens(self) -> torch.Tensor:
        """[rows, 1]: the token each row drew last."""
        return self._tokens.gather(1, self.drawn[:, None] - 1)

    def join(self, owners: list[tuple[SampleCall, int]]) -> None:
        """Rows for these samples, at the end; they have drawn nothing yet."""
        calls = [call for call, _ in owners]
        width = max(self._tokens.shape[1], *(call.limit for call in calls))
        numbers = torch.zeros((len(owners), width), dtype=torch.float64)
        for row, (call, sample) in enumerate(owners):
            if call.sampling.temperature > 0:
                numbers[row, : call.limit] = uniforms(call.seed + sample, call.limit)
        scales = torch.tensor(
            [[c.sampling.temperature for c in calls], [c.sampling.top_p for c in calls]], dtype=torch.float64
        )
        self.owners.extend(owners)
        self.position = torch.cat([self.position, self._of([len(call.ids) for call in calls])])
        self.drawn = torch.cat([self.drawn, self._integers(len(owners))])
        self.limit = torch.cat([self.limit, self._of([call.limit for call in calls])])
        self._scales = torch.cat([self._scales, scales.to(self._device)], 1)
        self._numbers = torch.cat([_widened(self._numbers, width), numbers.to(self._device)])
        self._tokens = torch.cat([_widened(self._tokens, width), self._integers(len(owners), width)])

    @property
    def newest(self) -> torch.Tensor:
        """[rows]: the token each row drew last."""
        return self.last_tokens[:, 0]

    def draw(self, logits: torch.Tensor, first: int = 0) -> list[int]:
        """Draw a token for every row from `first` on, logits [those rows, V]; give the rows that are finished."""
        drawn = self.drawn[first:]
        numbers = self._numbers[first:].gather(1, drawn[:, None])[:, 0]
        tokens = draw(logits, self._scales[0, first:], self._scales[1, first:], numbers)
        self._tokens[first:].scatter_(1, drawn[:, None], tokens[:, None])
        drawn += 1
        ended = (tokens[:, None] == self._ends).any(1)
        finished = (ended | (drawn >= self.limit[first:])).nonzero()[:, 0].tolist()
        return [first + row for row in finished]

    def reply(self, row: int) -> Reply:
        ids: list[int] = self._tokens[row, : int(self.drawn[row])].tolist()
        if ids[-1] in self._ends:
            return Reply(ids[:-1], len(ids), "stop")
        return Reply(ids, len(ids), "length")

    def leave(self, gone: list[int]) -> torch.Tensor:
        """Take rows out; the last rows fill their places. Gives the order of the rows that are left."""
        left = len(self) - len(gone)
        leaving = set(gone)
        holes = [row for row in sorted(gone) if row < left]
        fillers = [row for row in range(left, len(self)) if row not in leaving]
        for hole, filler in zip(holes, fillers, strict=True):
            self.owners[hole] = self.owners[filler]
        del self.owners[left:]
        order = list(range(left))
        for hole, filler in zip(holes, fillers, strict=True):
            order[hole] = filler
        selected = self._of(order)
        self._select(selected)
        return selected

    def _select(self, order: torch.Tensor) -> None:
        self.position, self.drawn, self.limit = self.position[order], self.drawn[order], self.limit[order]
        self._scales = self._scales[:, order]
        width = int(self.limit.max()) if len(order) else 0
        self._numbers, self._tokens = self._numbers[order, :width], self._tokens[order, :width]

    def _integers(self, *shape: int) -> torch.Tensor:
        return torch.zeros(shape, dtype=torch.long, device=self._device)

    def _of(self, values: list[int]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)


def _widened(table: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.pad(table, (0, width - table.shape[1]))
