"""Rows that several processes see twice: an epoch's last passes, if uneven, are padded with rows from its start.

All processes must have the same number of rows, since they exchange results row by row. Padding rows are computed too,
but do not count. Loads no torch.
"""

from typing import Any


def own_rows(accelerator: Any, rows: int) -> int:
    """How many of the rows that this process drew last belong to the epoch; the rest, at the end, are padding."""
    state = accelerator.gradient_state
    if accelerator.num_processes == 1 or not state.end_of_dataloader or state.remainder <= 0:
        return rows
    return min(rows, max(0, int(state.remainder) - int(accelerator.process_index) * rows))
