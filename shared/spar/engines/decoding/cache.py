"""Keys and values of all running branches, one pair of tensors per layer, behind transformers' public cache interface.

Every table is (rows, heads, time, dim), and row r belongs to branch r: rows are dense, new ones join at the end, and
the last row fills the place of one that leaves. The time axis is never sliced (batched products copy what is not
contiguous: three times the cost), so it is kept as short as the longest row needs. Tables that change shape reuse
memory: allocating tensors of many megabytes costs more than filling them (the system hands out and clears the pages).
Knows nothing of tokens or calls.
"""

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

GROWTH = 1.5  # memory allocated, as a multiple of what is needed now


class Buffer:
    """A table (rows, heads, time, dim) over flat memory. `table` is contiguous; places that no row has written hold
    finite numbers (0 times a NaN would spread)."""

    def __init__(self) -> None:
        self.table = torch.zeros((0, 0, 0, 0))
        self._memory = torch.zeros(0)

    def lay_out(
        self, shape: tuple[int, int, int, int], rows: int, like: torch.Tensor, spare: torch.Tensor | None
    ) -> torch.Tensor:
        """Take a new shape (rows, heads, time, dim) and keep the data of the first `rows` rows.

        Uses the flat memory `spare` if it is large enough. Returns the memory that the table had before.
        """
        size = shape[0] * shape[1] * shape[2] * shape[3]
        if spare is None or spare.numel() < size:
            spare = like.new_zeros(int(size * GROWTH))
        table = spare[:size].view(shape)
        if rows:
            kept = min(shape[2], self.table.shape[2])
            table[:rows, :, :kept] = self.table[:rows, :, :kept]
        left, self._memory, self.table = self._memory, spare, table
        return left


Layers = list[tuple[torch.Tensor, torch.Tensor]]


TIME_STEP = 16  # columns: growing copies everything, once in so many steps


SPARE_TIME = 32  # columns more than needed before the tensors are made shorter


class RowLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers ships no types we follow
    """One layer: keys and values, each (capacity, heads, time, dim). `aim` sets where each row's next token goes."""

    is_sliding = False

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0
        self.stores: tuple[Buffer, Buffer] | None = None
        self._target: tuple[torch.Tensor, slice, torch.Tensor] | None = None

    def aim(self, target: tuple[torch.Tensor, slice, torch.Tensor]) -> None:
        self._target = target

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one token per row, key_states and value_states (rows, heads, 1, dim).

        Returns all keys and values of the running rows, each (rows, heads, time, dim).
        """
        keys, values = self.tables()
        keys[self._target] = key_states[:, :, 0]
        values[self._target] = value_states[:, :, 0]
        return keys[: self.rows], values[: self.rows]

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        if self.stores is None:
            raise RuntimeError("rows join by RowCache.join, which allocates the tensors")
        return self.stores[0].table, self.stores[1].table

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.tables()

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length(), 0

    def get_seq_length(self) -> int:
        return 0 if self.stores is None else int(self.stores[0].table.shape[2])

    def get_max_length(self) -> int:
        return -1


class RowCache(Cache):  # type: ignore[misc]  # transformers ships no types we follow
    """All layers. `time` is the length of the time axis, `rows` the number of running rows."""

    def __init__(self, layers: int, most_rows: int) -> None:
        super().__init__(layers=[RowLayer() for _ in range(layers)])
        self._most_rows = most_rows
        self.rows = 0
        self.time = 0
        self._capacity = 0
        self._spare: torch.Tensor | None = None

    def join(self, prompts: Layers, source: torch.Tensor) -> None:
        """New rows: row j gets prompt source[j] of a prefilled batch, (prompts, heads, length, dim) per layer."""
        first, rows = self.rows, self.rows + len(source)
        length = prompts[0][0].shape[2]
        if rows > self._capacity or length > self.time:
            capacity = self._capacity if rows <= self._capacity else min(2 * rows, self._most_rows)
            self._lay_out(capacity, max(self.time, _rounded(length)), prompts)
        for layer, prompt in zip(self.layers, prompts, strict=True):
            for table, states in zip(layer.tables(), prompt, strict=True):
                table[first:rows, :, :length] = states[source]
            layer.rows = rows
        self.rows = rows

    def fork(self, source: torch.Tensor) -> None:
        """New rows at the end, copies of the rows `source`."""
        # Copied first: joining may lay the tables out again, over the memory they are read from.
        copies = [(keys[source], values[source]) for keys, values in (layer.tables() for layer in self.layers)]
        self.join(copies, torch.arange(len(source), device=source.device))

    def leave(self, holes: torch.Tensor, fillers: torch.Tensor, rows: int) -> None:
        """Rows `fillers` move to the places `holes`; then the first `rows` rows are the running ones."""
        for layer in self.layers:
            for table in layer.tables() if len(holes) else ():
                table[holes] = table[fillers]
            layer.rows = rows
        self.rows = rows

    def aim(self, position: torch.Tensor, longest: int) -> None:
        """The next update writes row r at position[r]; `longest` is the highest of them."""
        needed = _rounded(longest + 1)
        if needed > self.time or needed <= self.time - SPARE_TIME:
            self._lay_out(self._capacity, needed, [layer.tables() for layer in self.layers])
        target = (torch.arange(self.rows, device=position.device), slice(None), position)
        for layer in self.layers:
            layer.aim(target)

    def _lay_out(self, capacity: int, time: int, like: Layers) -> None:
        """Reshape all tables. Each one moves into the memory that the one before it left."""
        self._capacity, self.time = capacity, time
        for layer, states in zip(self.layers, like, strict=True):
            if layer.stores is None:
                layer.stores = (Buffer(), Buffer())
            for store, state in zip(layer.stores, states, strict=True):
                shape = (capacity, state.shape[1], time, state.shape[3])
                self._spare = store.lay_out(shape, self.rows, state, self._spare)


def _rounded(length: int) -> int:
    return -(-length // TIME_STEP) * TIME_STEP
