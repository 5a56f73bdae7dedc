"""Rows that several processes see twice: an epoch's last passes, where they do not divide, are filled from its start.

Each process must have as many rows as the others, since they exchange what they computed row by row. What was filled in
is computed too, and counts for nothing. Loads no torch.
"""

from typing import Any


def own_rows(accelerator: Any, rows: int) -> int:
    """How many of the rows that this process drew last are the epoch's; the others, behind them, fill up."""
    state = accelerator.gradient_state
    if accelerator.num_processes == 1 or not state.end_of_dataloader or state.remainder <= 0:
        return rows
    return min(rows, max(0, int(state.remainder) - int(accelerator.process_index) * rows))
