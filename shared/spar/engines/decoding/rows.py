"""The state of each running row, one tensor per property (position, tokens drawn, limits, temperature, numbers), and
the sampler that draws its tokens.

A row is one sample. Rows are dense; `branches` holds which of them share a branch. A token is drawn from its row's
logits and one uniform number, by inverting the distribution function: each row depends on its own logits and numbers
only, so the company in the batch cannot change its text. Knows nothing of models.
"""

import numpy as np
import torch

from spar.engines.decoding.calls import Reply, SampleCall

TOP_P_FIRST_LOOK = 64  # tokens that are sorted before the whole vocabulary is: nearly always they hold the mass wanted


def uniforms(seed: int, count: int) -> torch.Tensor:
    """`count` numbers in [0, 1), the stream of this seed: number t draws token t. Counter-based: cheap to seed."""
    return torch.from_numpy(np.random.Generator(np.random.Philox(key=seed)).random(count))


def draw(logits: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """logits (rows, vocabulary); temperature, top_p, uniform (rows,) float64 -> tokens (rows,).

    Temperature 0 takes the likeliest token.
    """
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
    """The first index at which the cumulative (not necessarily normalised) mass passes uniform * total.

    probabilities (rows, vocabulary), uniform (rows,) -> (rows,).
    """
    mass = probabilities.cumsum(-1)
    target = uniform[:, None] * mass[:, -1:]
    last = (probabilities > 0).cumsum(-1).argmax(-1)  # rounding may not carry a draw past the last possible token
    return torch.minimum((mass <= target).sum(-1), last)


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Draw among the likeliest tokens that together reach top_p; the first is always among them.

    probabilities (rows, vocabulary), top_p and uniform (rows,) -> (rows,).
    """
    look = min(TOP_P_FIRST_LOOK, probabilities.shape[-1])
    best, order = probabilities.topk(look, dim=-1)
    short = best.sum(-1) < top_p
    tokens = _draw_sorted(best, order, top_p, uniform)
    if bool(short.any()):
        best, order = probabilities[short].sort(dim=-1, descending=True, stable=True)
        tokens[short] = _draw_sorted(best, order, top_p[short], uniform[short])
    return tokens


def _draw_sorted(best: torch.Tensor, order: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """best and order (rows, candidates), most probable first: probabilities and their tokens -> tokens (rows,)."""
    before = best.cumsum(-1) - best
    kept = torch.where(before < top_p[:, None], best, 0.0)
    return order.gather(1, _invert(kept, uniform)[:, None])[:, 0]


class Rows:
    """The running rows. `owners[r]` is the call and the sample that row r draws for."""

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
        """(rows, 1): the token each row drew last."""
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
        """(rows,): the token each row drew last."""
        return self.last_tokens[:, 0]

    def draw(self, logits: torch.Tensor, first: int = 0) -> list[int]:
        """Draw a token for every row from `first` on, logits (these rows, vocabulary); return the finished rows."""
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
        """Remove rows; the last rows fill their places. Returns the order (rows left,) of the rows that are left."""
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
