"""Progress of `spar refine`: a bar on a terminal, occasional plain lines elsewhere. All on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spar.inference.batch.run import ShowProgress
from spar.inference.batch.summary import Summary

INTERVAL = 10.0  # seconds between plain lines: readable in a log, and frequent enough to show activity


@contextmanager
def shown_progress(console: Console, total: int) -> Iterator[ShowProgress]:
    """Yields a function to call after every row."""
    if console.is_terminal:
        with _bar(console) as bar:
            yield _on_bar(bar, total)
    else:
        yield _PlainLines(console, total)


class _PlainLines:
    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._started = self._printed = time.monotonic()
        self._before: int | None = None

    def __call__(self, summary: Summary) -> None:
        now = time.monotonic()
        if self._before is None:
            self._before = summary.earlier
        if now - self._printed < INTERVAL:
            return
        self._printed = now
        rate = (summary.rows - self._before) / (now - self._started)
        left = (self._total - summary.rows) / rate if rate else 0.0
        self._console.print(
            f"{summary.rows} of {self._total} rows, {summary.outcomes['solved']} solved, "
            f"{rate:.1f} rows/s, {left:.0f} s left",
            markup=False,
        )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("searching"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[solved]} solved"),
        TimeRemainingColumn(),
        console=console,
    )


def _on_bar(bar: Progress, total: int) -> ShowProgress:
    task = bar.add_task("rows", total=total, solved=0)

    def show(summary: Summary) -> None:
        bar.update(task, completed=summary.rows, solved=summary.outcomes["solved"])

    return show
