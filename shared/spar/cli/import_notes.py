"""How the commands that read sources report what was left out: parts of rows, and sources that gave nothing.

One such source is a warning; if none gave anything, that is an error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spar.cli.console import print_warning
from spar.errors import DataError

if TYPE_CHECKING:
    from spar.data.manifest import UnusedSource


def nothing_kept(what: str, unused: Mapping[str, "UnusedSource"], rejects: Path) -> DataError:
    """`what` is what a row should have given, such as `prompt`."""
    (name, source), *others = unused.items()
    more = f" The other {len(others)} sources give none either." if others else ""
    return DataError(f"{name} gives no {what}: {source.why}.{more}", source.fix or f"Every row's reason: {rejects}.")


def warn_of_unused(what: str, unused: Mapping[str, "UnusedSource"]) -> None:
    for name, source in unused.items():
        print_warning(f"{name} gives no {what}: {source.why}. {source.fix}".rstrip())


def left_out_lines(counts: Mapping[str, int]) -> list[str]:
    """For prompts that do without a part of their row, by what it is (`spar.data.layouts.LeftOut`)."""
    from spar.data.layouts import LeftOut

    told = {
        LeftOut.LATER_TURNS: "{:,} conversations: only the first user turn is used",
        LeftOut.TOOLS: "{:,} rows with tools: the tools are ignored",
        LeftOut.SYSTEM: "{:,} rows with a system message: it is ignored",
    }
    return [line.format(counts[what]) for what, line in told.items() if counts.get(what)]
