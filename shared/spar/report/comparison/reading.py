"""Reads a run's data for a comparison: its measured items, its pairs, and the cost of each step. Aggregates nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from spar.db.facts import facts_of
from spar.db.tables import Iteration, Step
from spar.evaluation.benchmarks.ifeval.average import shares_of_items
from spar.evaluation.benchmarks.report import KeptReport
from spar.evaluation.items import Item, Measure
from spar.messages.base import StepKind
from spar.messages.training import Selected
from spar.recipes.benchmarks import IFEVAL, benchmark_of
from spar.recipes.init import FIRST
from spar.report.measures import REPORTED, of
from spar.report.reader import RunReader, of_kind
from spar.report.steps import effort_of
from spar.store.base import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedStep:
    """A finished step: the cost of its result, whether or not this run computed it."""

    kind: str
    iteration: int
    fingerprint: str
    reused: bool
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """`items` are by iteration (0: the start) and by measure; `start` names the models that self-play began with."""

    run_id: str
    home: str
    status: str
    recipe: dict[str, Any]
    start: dict[str, str]
    items: dict[int, dict[Measure, list[Item]]]
    steps: tuple[ComparedStep, ...]
    prompts: int
    pairs: int
    pairs_right: int
    pairs_checked: int
    seconds: float
    benchmarks: dict[str, dict[int, dict[str, bool]]] = field(default_factory=dict)
    """Which items were right, by name of the measurement (`ifeval`, `ifeval:bfs`) and iteration."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Of all prompts of all iterations."""
    averages: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    """The same of IFEval's average: each prompt's share of it."""

    @property
    def seed(self) -> int:
        return int(self.recipe["seed"])

    @property
    def name(self) -> str:
        return str(self.recipe["name"])

    @property
    def measured(self) -> bool:
        """Whether anything was measured after its start."""
        return self.last_measured > 0

    @property
    def last_measured(self) -> int:
        """The newest iteration in which anything was measured; 0 if that is the start, or nothing was."""
        suite = [index for index, found in self.items.items() if index > 0 and any(found.values())]
        return max([0, *suite, *(index for found in self.benchmarks.values() for index in found)])


def read_run(session: Session, store: ObjectStore, run_id: str, home: str) -> MeasuredRun:
    """Raises DataError for an unknown run, StoreError for its objects."""
    reader = RunReader(session, store, run_id)
    begun = reader.iterations()
    indices = sorted({0, reader.first - 1, *(row.index for row in begun)})
    by_iteration = {index: reader.done_steps(index) for index in indices}
    items = {index: reader.items(steps) for index, steps in by_iteration.items()}
    selfplay = [step for index in indices if index >= FIRST for step in by_iteration[index]]
    checked = [item for index, found in items.items() if index >= FIRST for item in of(found, Measure.PAIR)]
    steps = [step for found in by_iteration.values() for step in found]
    kept = _benchmarks(reader, by_iteration)
    return MeasuredRun(
        run_id=run_id,
        home=home,
        status=reader.run.status.value,
        recipe=reader.run.recipe,
        start=_start(reader, begun),
        items={index: {measure: of(found, measure) for measure in REPORTED} for index, found in items.items()},
        steps=tuple(_facts(step) for step in steps),
        prompts=sum(row.prompts for row in begun),
        pairs=sum(reader.rows(step, Selected)[0].actor_rows for step in of_kind(selfplay, StepKind.SELECTION)),
        pairs_right=sum(item.correct for item in checked),
        pairs_checked=len(checked),
        seconds=sum(_seconds(found) for found in by_iteration.values()),
        outcomes=_summed(reader.outcomes(row.index) for row in begun),
        benchmarks={part: {index: one.correct for index, one in found.items()} for part, found in kept.items()},
        averages={
            part: {index: shares_of_items(one.items) for index, one in found.items()}
            for part, found in kept.items()
            if benchmark_of(part) == IFEVAL
        },
    )


def _benchmarks(reader: RunReader, by_iteration: Mapping[int, Sequence[Step]]) -> dict[str, dict[int, KeptReport]]:
    """From the start on: what was measured before a run made its starting models is no part of a comparison."""
    found: dict[str, dict[int, KeptReport]] = {}
    for index, steps in by_iteration.items():
        if index >= 0:
            for part, (_, kept) in reader.benchmarks(steps).items():
                found.setdefault(part, {})[index] = kept
    return found


def _start(reader: RunReader, begun: Sequence[Iteration]) -> dict[str, str]:
    """The models that self-play begins with: the recipe's, or those that the run made of them."""
    first = next((row for row in begun if row.index == FIRST), None)
    if first is None or reader.first == FIRST:
        return reader.run.models
    return {"actor": first.actor, "refiner": first.refiner}


def _facts(step: Step) -> ComparedStep:
    usage = facts_of(step).usage
    return ComparedStep(
        kind=step.kind.value,
        iteration=step.iteration,
        fingerprint=step.fingerprint,
        reused=step.reused,
        calls=usage.calls,
        tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _summed(outcomes: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The outcomes that occurred, in their declared order."""
    summed: dict[str, int] = {}
    for each in outcomes:
        for outcome, prompts in each.items():
            summed[outcome] = summed.get(outcome, 0) + prompts
    return {outcome: prompts for outcome, prompts in summed.items() if prompts}


def _seconds(steps: Sequence[Step]) -> float:
    return sum(effort_of(steps, {}).seconds.values())
