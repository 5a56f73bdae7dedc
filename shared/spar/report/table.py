"""Prints a report as one table for a terminal: what `spar demo` ends with. Knows nothing of pages."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spar.report.formats import count, percent, signed
from spar.report.headline import headline
from spar.report.model import Change, Interval, IterationReport, RunReport
from spar.report.view import short_name

ROOMY = 98
"""Columns of a terminal from which on the table has room for all; its essence fits into 80."""


def print_table(report: RunReport, console: Console) -> None:
    """The headline, then one row per iteration: rates with their intervals, pairs, time."""
    console.print(Text(headline(report), style="bold"))
    console.print(build_table(report, roomy=console.width >= ROOMY))


def build_table(report: RunReport, roomy: bool = True) -> Table:
    """Wide gaps and the time each iteration's steps took, if there is room for them."""
    gap = 2 if roomy else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("iteration", no_wrap=True)
    for name in ("actor", "change", "at T=0.9", "judges", "repairs", "pairs", "right", *(["time"] if roomy else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in report.iterations:
        table.add_row(*_row(report, entry)[: len(table.columns)])
    return table


def _row(report: RunReport, entry: IterationReport) -> list[Text]:
    actor, refiner = entry.actor, entry.refiner
    begun = entry is not report.iterations[0]
    return [
        Text(short_name(entry.iteration)),
        _rate(actor.accuracy, actor.accuracy_interval),
        _change(report.change("actor.accuracy", 0, entry.iteration)),
        _rate(actor.accuracy_sampled, actor.accuracy_sampled_interval),
        _rate(refiner.judge_accuracy, refiner.judge_accuracy_interval),
        _rate(refiner.refine_accuracy, refiner.refine_accuracy_interval),
        Text(count(entry.pairs) if begun else "–"),
        Text(percent(entry.pair_precision)),
        Text(f"{sum(entry.seconds.values()):.0f} s"),
    ]


def _rate(value: float | None, interval: Interval | None) -> Text:
    """A rate, and in a paler tone how far its interval reaches to either side."""
    text = Text(percent(value))
    if value is not None and interval is not None:
        text.append(f" ±{50 * (interval[1] - interval[0]):.1f}", style="dim")
    return text


def _change(change: Change | None) -> Text:
    if change is None:
        return Text("–")
    style = "green" if change.low > 0 else "red" if change.high < 0 else ""
    return Text(signed(change.points), style=style)
