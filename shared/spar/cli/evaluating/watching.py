"""Shows on a terminal how many model calls an evaluation has made."""

from collections.abc import Callable

from rich.live import Live
from rich.text import Text

from spar.cli.console import err
from spar.experiments.benchmarks.evaluate import CallCounts


def watch_calls(read: Callable[[], CallCounts]) -> Live:
    return Live(_Calls(read), console=err, refresh_per_second=2, transient=True)


class _Calls:
    def __init__(self, read: Callable[[], CallCounts]) -> None:
        self._read = read

    def __rich__(self) -> Text:
        counts = self._read()
        return Text(f"model calls: {counts.sent} sent, {counts.remembered} from an earlier run")
