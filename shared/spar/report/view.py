"""Arranges a report for its page: which rows, which bars, in which order. Draws nothing and knows no markup."""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.errors import AccountingError
from spar.method.records import Outcome
from spar.recipes.init import BACKBONE, iteration_name
from spar.report.charts import (
    Column,
    LineChart,
    RatePoint,
    Segment,
    Series,
    columns,
    line_chart,
    stacked_bar,
)
from spar.report.formats import named
from spar.report.headline import measure_of
from spar.report.model import IterationReport, ModelFacts, RunReport

ENDED = ("finished", "failed", "cancelled", "stopped")
STEPS = ("generation", "judgment", "comparison", "refinement", "selection", "training", "evaluation")
OUTCOMES = (
    Outcome.PAIR,
    Outcome.EXAMPLE,
    Outcome.LESSON,
    Outcome.ALL_GOOD,
    Outcome.EQUAL_SCORES,
    Outcome.UNSOLVED,
    Outcome.TIED,
    Outcome.UNPARSABLE,
    Outcome.CONTEXT_EXCEEDED,
    Outcome.REFUSED,
    Outcome.CONTAMINATED,
    Outcome.DUPLICATE,
    Outcome.TOO_LONG,
    Outcome.OVER_CAP,
    Outcome.ENGINE_FAILED,
    Outcome.CANCELLED,
    Outcome.NOT_REACHED,
)
"""Gains first, then losses, the common reasons before the rare ones."""
MEANING = {
    Outcome.PAIR: "a better response was found, the actor learned from it",
    Outcome.EXAMPLE: "a response was judged good, the actor was fine-tuned on it",
    Outcome.LESSON: "a teacher refined a bad response, the refiner was fine-tuned on it",
    Outcome.ALL_GOOD: "no response was judged bad: nothing to learn",
    Outcome.EQUAL_SCORES: "no response scored higher than another",
    Outcome.UNSOLVED: "no refinement, or without a search no response, was judged good",
    Outcome.TIED: "no bad response, and at least one tie",
    Outcome.UNPARSABLE: "too few responses got enough readable votes",
    Outcome.CONTEXT_EXCEEDED: "none of its conversations fits into the model's context",
    Outcome.REFUSED: "the model's chat template, or its server, took none of its conversations",
    Outcome.CONTAMINATED: "the instruction that was written for it is in an evaluation: excluded from training",
    Outcome.DUPLICATE: "a repeated prompt that has a pair already",
    Outcome.TOO_LONG: "longer than the training length",
    Outcome.OVER_CAP: "a pair too many for the recipe's cap",
    Outcome.ENGINE_FAILED: "the engine failed in all attempts",
    Outcome.CANCELLED: "cancelled",
    Outcome.NOT_REACHED: "the run stopped before it",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One labelled, stacked bar; `total` is its sum."""

    label: str
    segments: list[Segment]
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A table row of numbers: one cell per column, and their sum."""

    name: str
    style: str
    cells: list[float]
    total: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    label: str
    bars: list[Column]
    trees: int
    solved: int


def trained(report: RunReport) -> list[IterationReport]:
    """The steps that were run: all except those that stand for the given models."""
    return report.iterations[1:]


def accuracy_chart(report: RunReport, part: str, series: Sequence[tuple[str, str, str]]) -> LineChart | None:
    """A line per (name in report.json, label, style) of one part: actor or refiner."""
    return line_chart(
        [Series(name=label, style=style, points=_measured(report, f"{part}.{name}")) for name, label, style in series]
    )


def outcome_rows(report: RunReport) -> list[TableRow]:
    """One row per outcome that occurred. Raises AccountingError if an iteration's outcomes do not add up to its
    prompts."""
    entries = trained(report)
    for entry in entries:
        if report.status in ENDED and sum(entry.outcomes.values()) != entry.prompts:
            raise AccountingError(
                f"{name_of(entry.iteration)} has {entry.prompts} prompts and {sum(entry.outcomes.values())} outcomes."
            )
    rows = []
    for outcome in OUTCOMES:
        cells = [float(entry.outcomes.get(outcome.value, 0)) for entry in entries]
        if sum(cells):
            style = f"o-{outcome.value.replace('_', '-')}"
            rows.append(
                TableRow(name=named(outcome.value), style=style, cells=cells, total=sum(cells), note=MEANING[outcome])
            )
    return rows


def step_rows(report: RunReport, field: str) -> list[TableRow]:
    """One row per step of a per-step field (seconds, tokens, calls, reused), the start included."""
    rows = []
    for step in STEPS:
        cells = [float(getattr(entry, field).get(step, 0)) for entry in report.iterations]
        if sum(cells):
            rows.append(TableRow(name=step, style=f"s-{step}", cells=cells, total=sum(cells)))
    return rows


def bars(rows: Sequence[TableRow], labels: Sequence[str]) -> list[Bar]:
    """The columns of a table as stacked bars on one scale."""
    totals = [sum(row.cells[index] for row in rows) for index in range(len(labels))]
    longest = max(totals, default=0.0)
    return [
        Bar(label, stacked_bar([(r.name, r.style, r.cells[index]) for r in rows], longest), totals[index])
        for index, label in enumerate(labels)
        if totals[index]
    ]


def histograms(report: RunReport) -> list[Histogram]:
    """Nodes per tree, one histogram per iteration, all on one scale."""
    entries = [entry for entry in trained(report) if entry.tree_sizes]
    counts = [{int(size): trees for size, trees in entry.tree_sizes.items()} for entry in entries]
    if not counts:
        return []
    seen = {size for count in counts for size in count}
    sizes = range(min(seen), max(seen) + 1)
    highest = max(max(count.values()) for count in counts)
    return [
        Histogram(
            label=name_of(entry.iteration), bars=columns(count, sizes, highest), trees=entry.trees, solved=entry.solved
        )
        for entry, count in zip(entries, counts, strict=True)
    ]


def column_labels(report: RunReport) -> list[str]:
    """The label of columns and rows that show both an iteration's work and the measurements after it."""
    names = {BACKBONE: "Backbone", 0: "Init refiner (start)" if report.initialised else "Start"}
    return [names.get(entry.iteration) or name_of(entry.iteration) for entry in report.iterations]


def made_in(model: ModelFacts) -> str:
    """The iteration in which the run got the model."""
    if model.iteration == BACKBONE:
        return "backbone"
    return (
        "at the start" if model.iteration == 0 and model.parent is None else f"after {iteration_name(model.iteration)}"
    )


def short_name(iteration: int) -> str:
    """The label of the measurements after it."""
    return str(iteration) if iteration > 0 else iteration_name(iteration, measured=True)


def name_of(iteration: int) -> str:
    return iteration_name(iteration).capitalize()


def _measured(report: RunReport, measure: str) -> list[RatePoint]:
    part, name = measure.split(".")
    found = []
    for entry in report.iterations:
        value = measure_of(entry, measure)
        interval = getattr(getattr(entry, part), f"{name}_interval")
        if value is not None and interval is not None:
            found.append(RatePoint(x=entry.iteration, value=value, low=interval[0], high=interval[1]))
    return found
