"""Prints an evaluation: its calls while it runs, counts, scores with intervals, tables, warnings. Computes nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from spar.cli.console import err, out, print_warning
from spar.cli.tables import print_wide
from spar.evaluation.statistics import Difference

if TYPE_CHECKING:
    from spar.experiments.benchmarks.evaluate import CallCounts


def print_result(result: Mapping[str, Any]) -> None:
    """Print a report in its JSON form."""
    counts = ", ".join(f"{value} {name}" for name, value in result["counts"].items())
    out.print(f"{result['benchmark']}: {counts}", soft_wrap=True, markup=False)
    scores = Grid("score", "value", "95% interval", box=None)
    for name, value in result["scores"].items():
        interval = result["intervals"].get(name)
        scores.add_row(name, f"{value:.2f}", "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}")
    print_wide(scores)
    for name, rows in result["tables"].items():
        if rows:
            print_wide(_grid(name, rows))
    for warning in result["warnings"]:
        print_warning(warning)


def points(difference: Difference) -> str:
    return f"{difference.estimate:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def difference_json(difference: Difference) -> dict[str, float]:
    return {"estimate": difference.estimate, "low": difference.low, "high": difference.high}


def _grid(name: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    grid = Grid(*rows[0], box=None, title=name, title_justify="left")
    for row in rows:
        grid.add_row(*(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row.values()))
    return grid


def watch_calls(read: "Callable[[], CallCounts]") -> Live:
    """Shows how many model calls an evaluation has made."""
    return Live(_Calls(read), console=err, refresh_per_second=2, transient=True)


class _Calls:
    def __init__(self, read: "Callable[[], CallCounts]") -> None:
        self._read = read

    def __rich__(self) -> Text:
        counts = self._read()
        return Text(f"model calls: {counts.sent} sent, {counts.remembered} from an earlier run")
