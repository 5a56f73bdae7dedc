"""A table [rows, heads, time, size] over flat memory that is reused when the table changes shape.

Making tensors of many megabytes anew costs more than filling them (the system hands out and clears the pages).
Knows nothing of what the tables hold.
"""

import torch

GROWTH = 1.5  # memory asked for, of what is needed now


class Buffer:
    """`table` is contiguous; places that no row has written hold finite numbers (0 times a NaN would spread)."""

    def __init__(self) -> None:
        self.table = torch.zeros((0, 0, 0, 0))
        self._memory = torch.zeros(0)

    def lay_out(
        self, shape: tuple[int, int, int, int], rows: int, like: torch.Tensor, spare: torch.Tensor | None
    ) -> torch.Tensor:
        """Take a new shape, keeping the first rows' data; use `spare` if it is large enough; give what is left over."""
        size = shape[0] * shape[1] * shape[2] * shape[3]
        if spare is None or spare.numel() < size:
            spare = like.new_zeros(int(size * GROWTH))
        table = spare[:size].view(shape)
        if rows:
            kept = min(shape[2], self.table.shape[2])
            table[:rows, :, :kept] = self.table[:rows, :, :kept]
        left, self._memory, self.table = self._memory, spare, table
        return left
