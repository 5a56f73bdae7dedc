"""A run's gains in words. Claims no change that its interval does not support.

Knows nothing of pages; every sentence is plain text.
"""

from dataclasses import dataclass

from spar.messages.endings import EndReason
from spar.recipes.init import BACKBONE
from spar.report.benchmarks import benchmark_tables
from spar.report.formats import percent, plural, signed
from spar.report.model import Change, IterationReport, RunReport

MEASURES = {
    "actor.accuracy": "Actor, greedy",
    "actor.accuracy_sampled": "Actor, T=0.9",
    "refiner.judge_accuracy": "Refiner judges right",
    "refiner.refine_accuracy": "Refiner repairs",
}
"""Every measure by its name in report.json, and its label on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One measure from the start to the newest iteration that has it."""

    label: str
    start: float
    now: float
    change: Change | None

    @property
    def direction(self) -> str:
        """up or down only if the whole interval is; otherwise level."""
        if self.change is None or self.change.low <= 0 <= self.change.high:
            return "level"
        return "up" if self.change.low > 0 else "down"


def measure_of(entry: IterationReport, measure: str) -> float | None:
    part, name = measure.split(".")
    value: float | None = getattr(getattr(entry, part), name)
    return value


def gains(report: RunReport) -> list[Gain]:
    """What was measured at the start and again later, in the order of MEASURES."""
    found = []
    for measure, label in MEASURES.items():
        values = {e.iteration: measure_of(e, measure) for e in report.iterations}
        measured = {index: value for index, value in values.items() if value is not None}
        last = max(measured, default=0)
        if 0 in measured and last > 0:
            change = report.change(measure, 0, last)
            found.append(Gain(label=label, start=measured[0], now=measured[last], change=change))
    return found


def headline(report: RunReport) -> str:
    """The one sentence on top."""
    actor = next((gain for gain in gains(report) if gain.label == MEASURES["actor.accuracy"]), None)
    if actor is None:
        return _on_a_benchmark(report) or f"{_progress(report)}, {plural(report.totals.pairs, 'pair')} kept."
    share = percent(actor.now)
    match actor.direction:
        case "up":
            return f"The actor now follows {share} of held-out prompts, up from {percent(actor.start)}."
        case "down":
            return f"The actor now follows {share} of held-out prompts, down from {percent(actor.start)}."
        case _:
            return (
                f"The actor follows {share} of held-out prompts, "
                f"not measurably different from {percent(actor.start)} at the start."
            )


def _on_a_benchmark(report: RunReport) -> str | None:
    """The first that was measured at the start and again later."""
    for table in benchmark_tables(report, [str(entry.iteration) for entry in report.iterations]):
        cells = {row.label: row.cells[0] for row in table.rows if table.columns}
        start, now, change = cells.get("0"), cells.get(table.rows[-1].label), table.rows[-1].change
        if start is not None and now is not None and change is not None:
            gain = Gain(label=table.columns[0], start=start[0] / 100, now=now[0] / 100, change=change)
            moved = {"up": "up from", "down": "down from", "level": "not measurably different from"}[gain.direction]
            score = f"{percent(gain.now)} ({gain.label}), {moved} {percent(gain.start)} at the start"
            return f"On {table.name} the {table.part} now scores {score}."
    return None


def standfirst(report: RunReport) -> str:
    """The text under the headline: how much, with what certainty, for how much work."""
    by_label = {gain.label: gain for gain in gains(report)}
    sentences = []
    if (actor := by_label.get(MEASURES["actor.accuracy"])) and actor.change:
        sentences.append(_paired(actor.change))
    if report.initialised and (made := report.change("actor.accuracy", BACKBONE, 0)):
        sentences.append(
            f"The actor's start was made from the backbone: {signed(made.points)} points "
            f"({signed(made.low)} to {signed(made.high)})."
        )
    if refine := by_label.get(MEASURES["refiner.refine_accuracy"]):
        sentences.append(f"The refiner repairs {percent(refine.now)} of bad responses {_since(refine)}.")
    if judge := by_label.get(MEASURES["refiner.judge_accuracy"]):
        sentences.append(f"Its verdicts are right in {percent(judge.now)} of cases {_since(judge)}.")
    sentences.append(f"{_progress(report)}: {_work(report)}.")
    return " ".join(sentences)


def _progress(report: RunReport) -> str:
    done = plural(_done(report), "iteration")
    match report.status:
        case "finished":
            return f"{done} of self-play"
        case "failed":
            return f"The run failed after {done}"
        case "stuck":
            return f"The run is stuck after {done}"
        case "interrupted":
            return f"The run was interrupted after {done}"
        case "cancelled":
            return f"The run was cancelled after {done}"
        case "stopped":
            by_budget = report.end is None or report.end.reason is EndReason.BUDGET
            return f"The run was stopped{' by its budget' if by_budget else ''} after {done}"
        case _:
            return f"The run has done {_done(report)} of {plural(report.planned_iterations, 'iteration')}"


def _done(report: RunReport) -> int:
    """Iterations of self-play that have ended."""
    return sum(1 for entry in report.iterations if entry.iteration > 0 and entry.wall_seconds is not None)


def _work(report: RunReport) -> str:
    totals = report.totals
    searches = plural(totals.trees, "search", "searches")
    return f"{plural(totals.prompts, 'prompt')}, {searches}, {plural(totals.pairs, 'pair')} kept"


def _paired(change: Change) -> str:
    low, high = signed(change.low), signed(change.high)
    return (
        f"The paired difference is {signed(change.points)} points (95% interval {low} to {high}) "
        f"over the same {plural(change.items, 'prompt')}."
    )


def _since(gain: Gain) -> str:
    """The value at the start, and whether the change is significant."""
    change, start = gain.change, f"({percent(gain.start)} at the start)"
    if change is None:
        return start
    low, high = signed(change.low), signed(change.high)
    if gain.direction == "level":
        return f"{start}: no measurable change ({low} to {high} points)"
    return f"{start}: {signed(change.points)} points ({low} to {high})"
