"""Prints tables of numbers at their own width: a terminal or a pipe narrower than that wraps lines, and loses none."""

from rich.console import Console
from rich.table import Table

WIDTH = 240
"""More columns of text than any table here takes."""


def print_wide(table: Table) -> None:
    """Print the table on stdout, never squeezed."""
    Console(highlight=False, width=WIDTH).print(table)
