"""How commands that read sources report what was left out: parts of rows, and sources without a usable row.

One unusable source is a warning; if all are unusable, that is an error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spar.cli.console import print_warning
from spar.errors import DataError

if TYPE_CHECKING:
    from spar.data.manifest import UnusedSource


def nothing_kept(what: str, unused: Mapping[str, "UnusedSource"], rejects: Path) -> DataError:
    """`what`: what a row should have provided, such as `prompt`."""
    (name, source), *others = unused.items()
    more = f" Nor do the other {len(others)} sources." if others else ""
    return DataError(
        f"{name} has no usable {what}: {source.why}.{more}", source.fix or f"Every row's reason: {rejects}."
    )


def warn_of_unused(what: str, unused: Mapping[str, "UnusedSource"]) -> None:
    for name, source in unused.items():
        print_warning(f"{name} has no usable {what}: {source.why}. {source.fix}".rstrip())


def left_out_lines(counts: Mapping[str, int]) -> list[str]:
    """A line for each part of rows that was left out (`spar.data.layouts.LeftOut`) while the prompt was kept."""
    from spar.data.layouts import LeftOut

    lines = {
        LeftOut.LATER_TURNS: "{:,} conversations: only the first user turn is used",
        LeftOut.TOOLS: "{:,} rows with tools: the tools are ignored",
        LeftOut.SYSTEM: "{:,} rows with a system message: it is ignored",
    }
    return [line.format(counts[what]) for what, line in lines.items() if counts.get(what)]
