"""The measures by which runs are compared: the suite's, and benchmarks that all runs measured with the same settings.

Collects which items were right in each iteration; computes no difference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spar.evaluation.items import Measure
from spar.recipes.benchmarks import AVERAGE, IFEVAL, benchmark_of, in_order, spoken
from spar.report.comparison.reading import MeasuredRun
from spar.report.headline import MEASURES
from spar.report.measures import REPORTED

Right = Mapping[int, Sequence[float]]
"""By iteration (0: the start), 1 for an item that was right, or its share of a mean: item i is the same in every run
and iteration."""
APART = ("data", "judge", "strategy", "tasks")
"""Keys of a benchmark in a recipe that set no measurement apart: places, and what its name says already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure: its name in files, its label for people, and where a run stores it."""

    name: str
    label: str
    right: Callable[[MeasuredRun], Right]

    def has(self, run: MeasuredRun) -> bool:
        """At the start, and after it."""
        return 0 in self.right(run) and self.last(run) > 0

    def last(self, run: MeasuredRun) -> int:
        """The newest iteration in which it was measured; 0 if that is the start."""
        return max(self.right(run), default=0)

    def start(self, run: MeasuredRun) -> Sequence[float]:
        return self.right(run)[0]

    def end(self, run: MeasuredRun) -> Sequence[float]:
        return self.right(run)[self.last(run)]


def suite() -> list[Compared]:
    return [Compared(name=name, label=MEASURES[name], right=_of(measure)) for measure, name in REPORTED.items()]


def benchmarks(runs: Sequence[MeasuredRun]) -> tuple[list[Compared], list[str]]:
    """The measures that all runs have over the same items with the same settings, and notes on the others."""
    named = {part for run in runs for part in run.benchmarks}
    alike = [part for part in in_order(sorted(named)) if _are_alike(part, runs)]
    left_out = in_order(sorted(named - set(alike)))
    notes = [f"{part} is not compared: its items or settings are not the same in all runs." for part in left_out]
    return [measure for part in alike for measure in _measures_of(part)], notes


def _measures_of(part: str) -> list[Compared]:
    """A benchmark's items that were right; for IFEval, where that means all instructions strictly, also the mean of its
    four scores."""
    found = [Compared(name=part, label=spoken(part), right=_of_benchmark(part))]
    if benchmark_of(part) == IFEVAL:
        found.append(Compared(name=f"{part}{AVERAGE}", label=f"{spoken(part)}, mean of four", right=_of_average(part)))
    return found


def _are_alike(part: str, runs: Sequence[MeasuredRun]) -> bool:
    return all(
        part in run.benchmarks
        and _settings(part, run) == _settings(part, runs[0])
        and all(list(found) == list(runs[0].benchmarks[part].get(0, ())) for found in run.benchmarks[part].values())
        for run in runs
    )


def _settings(part: str, run: MeasuredRun) -> dict[str, Any]:
    chosen = run.recipe["evaluation"]["benchmarks"][benchmark_of(part)]
    return {key: value for key, value in chosen.items() if key not in APART}


def _of(measure: Measure) -> Callable[[MeasuredRun], Right]:
    def right(run: MeasuredRun) -> Right:
        measured = {index: found[measure] for index, found in run.items.items() if index >= 0 and found.get(measure)}
        return {index: [float(item.correct) for item in items] for index, items in measured.items()}

    return right


def _of_average(part: str) -> Callable[[MeasuredRun], Right]:
    def right(run: MeasuredRun) -> Right:
        return {index: list(shares.values()) for index, shares in run.averages.get(part, {}).items()}

    return right


def _of_benchmark(part: str) -> Callable[[MeasuredRun], Right]:
    def right(run: MeasuredRun) -> Right:
        measured = run.benchmarks[part]
        return {index: [float(correct) for correct in items.values()] for index, items in measured.items()}

    return right
