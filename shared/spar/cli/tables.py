"""Prints tables of numbers at full width: a narrower terminal or pipe wraps lines, and no column is cut."""

from rich.console import Console
from rich.table import Table

WIDTH = 240
"""Characters: wider than any table here."""


def print_wide(table: Table) -> None:
    """Print the table on stdout without shrinking its columns."""
    Console(highlight=False, width=WIDTH).print(table)
