"""A comparison's rows, for a terminal, for CSV and for LaTeX: the same cells in three forms."""

import csv
import io
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from spar.report.comparison.model import Comparison, CostFacts, MeasuredGain, MeasureFacts, RunGroup
from spar.report.formats import count, duration, percent, short_count, signed

Row = dict[str, str | int | float | None]
_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"\\": r"\textbackslash{}"}
)


def terminal_tables(found: Comparison) -> list[Table]:
    """The gains, if any were measured; the prompts' outcomes, and the cost."""
    return [*([_gained(found)] if found.measure is not None else []), _ended(found), _taken(found)]


def _gained(found: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", title_justify="left")
    table.add_column("recipe", no_wrap=True)
    for name in ("seeds", "measure", "start", "end", "gain", "", "difference", ""):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for group in found.groups:
        for index, one in enumerate(group.measures):
            first = index == 0
            table.add_row(
                Text(group.label if first else ""),
                Text(str(len(group.runs)) if first else ""),
                Text(one.label),
                Text(percent(one.start)),
                Text(percent(one.end.value)),
                *_points(one.gain),
                *_points(one.difference),
            )
    return table


def _ended(found: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("recipe", no_wrap=True)
    names = found.outcomes
    for name in ("prompts", *names):
        table.add_column(name, justify="right", no_wrap=True)
    for group in found.groups:
        numbers = (group.prompts, *(group.outcomes.get(name, 0) for name in names))
        table.add_row(Text(group.label), *(Text(count(number)) for number in numbers))
    return table


def _taken(found: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("recipe", no_wrap=True)
    costs = () if found.measure is None else ("calls", "tokens", f"time per point of {found.measure}")
    heads = ("pairs", "right", "own calls", "saved", "of the first's", "iteration 1", "own tokens", "time")
    for name in (*heads, *costs):
        table.add_column(name, justify="right", no_wrap=True)
    for group in found.groups:
        work, cost = group.work, group.cost
        table.add_row(
            Text(group.label),
            *(Text(cell) for cell in (count(group.pairs), percent(group.pair_precision), count(work.own_calls))),
            *(Text(cell) for cell in (count(work.reused_calls), percent(work.own_calls_ratio))),
            Text(percent(work.first_iteration_ratio)),
            *(Text(cell) for cell in (short_count(work.own_tokens), duration(work.seconds))),
            *(_costs(cost) if costs else ()),
        )
    return table


def _costs(cost: CostFacts) -> tuple[Text, ...]:
    return (
        Text("–" if cost.calls is None else short_count(cost.calls.value)),
        Text("–" if cost.tokens is None else short_count(cost.tokens.value)),
        Text("–" if cost.seconds is None else duration(cost.seconds.value)),
    )


def _points(one: MeasuredGain | None) -> tuple[Text, Text]:
    if one is None:
        return Text("–"), Text("")
    style = "green" if one.low > 0 else "red" if one.high < 0 else ""
    return Text(signed(one.value), style=style), Text(_interval(one), style="dim")


def _interval(one: MeasuredGain) -> str:
    return f"({signed(one.low)} to {signed(one.high)})"


def as_csv(found: Comparison) -> str:
    """One row per group and measure, numbers unrounded."""
    nothing: list[MeasureFacts | None] = [None]
    rows = [_csv_row(group, one, found.outcomes) for group in found.groups for one in group.measures or nothing]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _csv_row(group: RunGroup, one: MeasureFacts | None, outcomes: Sequence[str]) -> Row:
    work = group.work
    return {
        "recipe": group.label,
        "seeds": len(group.runs),
        "measure": one.measure if one else None,
        "items": one.items if one else None,
        "start": one.start if one else None,
        **_csv_estimate("end", "end", one.end if one else None),
        **_csv_estimate("gain", "gain_points", one.gain if one else None),
        **_csv_estimate("difference", "difference_points", one.difference if one else None),
        "pairs": group.pairs,
        "pair_precision": group.pair_precision,
        "own_calls": work.own_calls,
        "reused_calls": work.reused_calls,
        "own_tokens": work.own_tokens,
        "reused_tokens": work.reused_tokens,
        "seconds": work.seconds,
        "reused_steps": work.reused_steps,
        "own_calls_ratio": work.own_calls_ratio,
        "first_iteration_ratio": work.first_iteration_ratio,
        "prompts": group.prompts,
        **{f"outcome_{name}": group.outcomes.get(name, 0) for name in outcomes},
    }


def _csv_estimate(name: str, value: str, one: MeasuredGain | None) -> Row:
    return {
        value: one.value if one else None,
        f"{name}_low": one.low if one else None,
        f"{name}_high": one.high if one else None,
    }


def as_latex(found: Comparison) -> str:
    """A `tabular` with booktabs rules: per group the end and the gain of each measure, pairs, calls."""
    measures = found.groups[0].measures
    heads = ["Recipe", *(cell for one in measures for cell in (one.label, "gain")), "Pairs", "Calls"]
    lines = [
        r"% \usepackage{booktabs}; brackets: 95\% bootstrap intervals over items and seeds",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        _latex_row(heads),
        r"\midrule",
        *(_latex_row(_latex_cells(group, [one.measure for one in measures])) for group in found.groups),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cells(group: RunGroup, measures: Sequence[str]) -> list[str]:
    cells = [group.label]
    for name in measures:
        one = group.measure(name)
        cells += ["–", "–"] if one is None else [f"{100 * one.end.value:.1f}", _latex_points(one.gain)]
    return [*cells, count(group.pairs), count(group.work.own_calls + group.work.reused_calls)]


def _latex_points(one: MeasuredGain) -> str:
    return f"{signed(one.value)} [{signed(one.low)}, {signed(one.high)}]"


def _latex_row(cells: Sequence[str]) -> str:
    escaped = (cell.translate(_LATEX).replace("−", "$-$").replace("–", "--") for cell in cells)
    return " & ".join(escaped) + r" \\"
