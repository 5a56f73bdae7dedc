"""Prints a report as one table for a terminal: what `spar demo` ends with. Knows nothing of pages."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spar.report.benchmarks import benchmark_tables
from spar.report.formats import count, percent, signed
from spar.report.headline import headline
from spar.report.model import Change, Interval, RunReport
from spar.report.view import short_name

ROOMY = 98
"""Columns of a terminal that the full table needs; a shorter form fits into 80."""


def print_table(report: RunReport, console: Console) -> None:
    """The headline, then one row per iteration: rates and scores with their intervals, pairs, time."""
    console.print(Text(headline(report), style="bold"))
    console.print(build_table(report, roomy=console.width >= ROOMY))


def build_table(report: RunReport, roomy: bool = True) -> Table:
    """Wide gaps and the time each iteration's steps took, if there is room for them."""
    gap = 2 if roomy else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("iteration", no_wrap=True)
    columns = _columns(report, roomy)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for place, entry in enumerate(report.iterations):
        table.add_row(Text(short_name(entry.iteration)), *(cells[place] for cells in columns.values()))
    return table


def _columns(report: RunReport, roomy: bool) -> dict[str, list[Text]]:
    """By name, a cell for each iteration. Benchmarks replace a suite that measured nothing, or are shown beside it."""
    entries = report.iterations
    benchmarks = _benchmarks(report)
    suite = _suite(report)
    measured = any(
        value is not None for entry in entries for value in (entry.actor.accuracy, entry.refiner.judge_accuracy)
    )
    shown = {**(suite if measured or not benchmarks else {}), **(benchmarks if roomy or not measured else {})}
    shown["pairs"] = [Text(count(entry.pairs) if entry is not entries[0] else "–") for entry in entries]
    shown["right"] = [Text(percent(entry.pair_precision)) for entry in entries]
    if roomy:
        shown["time"] = [Text(f"{sum(entry.seconds.values()):.0f} s") for entry in entries]
    return shown


def _suite(report: RunReport) -> dict[str, list[Text]]:
    columns: dict[str, list[Text]] = {name: [] for name in ("actor", "change", "at T=0.9", "judges", "repairs")}
    for entry in report.iterations:
        actor, refiner = entry.actor, entry.refiner
        columns["actor"].append(_rate(actor.accuracy, actor.accuracy_interval))
        columns["change"].append(_change(report.change("actor.accuracy", 0, entry.iteration)))
        columns["at T=0.9"].append(_rate(actor.accuracy_sampled, actor.accuracy_sampled_interval))
        columns["judges"].append(_rate(refiner.judge_accuracy, refiner.judge_accuracy_interval))
        columns["repairs"].append(_rate(refiner.refine_accuracy, refiner.refine_accuracy_interval))
    return columns


def _benchmarks(report: RunReport) -> dict[str, list[Text]]:
    """The first score to show of each measurement; the others are in the report."""
    labels = [short_name(entry.iteration) for entry in report.iterations]
    found = {
        table.name: {row.label: row.cells[0] for row in table.rows}
        for table in benchmark_tables(report, labels)
        if table.columns
    }
    return {name: [_score(cells.get(label)) for label in labels] for name, cells in found.items()}


def _score(cell: tuple[float, Interval | None] | None) -> Text:
    """Scores are in percent already."""
    if cell is None:
        return Text("–")
    value, interval = cell
    return _rate(value / 100, interval and (interval[0] / 100, interval[1] / 100))


def _rate(value: float | None, interval: Interval | None) -> Text:
    """A rate and, dimmed, the half width of its interval."""
    text = Text(percent(value))
    if value is not None and interval is not None:
        text.append(f" ±{50 * (interval[1] - interval[0]):.1f}", style="dim")
    return text


def _change(change: Change | None) -> Text:
    if change is None:
        return Text("–")
    style = "green" if change.low > 0 else "red" if change.high < 0 else ""
    return Text(signed(change.points), style=style)
