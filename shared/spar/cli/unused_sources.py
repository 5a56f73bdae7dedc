"""How the commands that import report a source that gave nothing: a warning, or an error if none gave anything."""

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
