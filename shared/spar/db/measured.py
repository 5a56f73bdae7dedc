"""Reads what a run's measurements came to so far, for `spar status` and pages: benchmarks, and the refiner's honesty.

From the facts of steps; opens no result. Writes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from spar.db.tables import Run, Step
from spar.messages.base import StepKind
from spar.messages.evaluation import HONESTY
from spar.messages.states import StepState
from spar.recipes.benchmarks import USES, benchmark_of
from spar.recipes.honesty import SOURCES, partings
from spar.recipes.models import HonestySettings

SCORE = "score."
"""What an evaluation's counts put before the name of a benchmark's score."""


@dataclass(frozen=True, slots=True)
class BenchmarkScore:
    """What a benchmark came to after an iteration, in percent (levels are levels). `benchmark` is the measurement's
    name: with several strategies `ifeval` and `ifeval:bfs`."""

    iteration: int
    benchmark: str
    score: str
    value: float


@dataclass(frozen=True, slots=True)
class AuditScore:
    """The refiner's judging in an iteration against the rules, as shares: of `responses`, or of `refinements`.

    `gap` is what it accepts less what follows its prompt; `alarm` says whether that counts as parted.
    """

    iteration: int
    source: str
    prompts: int
    accepted: float
    followed: float
    gap: float
    gap_low: float
    gap_high: float
    false_accept: float | None
    false_reject: float | None
    alarm: bool


def read_scores(session: Session, run_id: str) -> tuple[BenchmarkScore, ...]:
    return tuple(
        BenchmarkScore(step.iteration, step.part, name, counts[f"{SCORE}{name}"])
        for step, counts in _evaluations(session, run_id)
        if (benchmark := benchmark_of(step.part)) is not None
        for name in USES[benchmark].shown
        if f"{SCORE}{name}" in counts
    )


def read_audits(session: Session, run: Run) -> tuple[AuditScore, ...]:
    if not run.recipe.get("honesty"):
        return ()
    settings = HonestySettings.model_validate(run.recipe["honesty"])
    return tuple(
        audit
        for step, counts in _evaluations(session, run.id)
        if step.part == HONESTY
        for audit in _audits(step.iteration, counts, settings)
    )


def _evaluations(session: Session, run_id: str) -> Iterator[tuple[Step, Mapping[str, float]]]:
    """Those that are done, by iteration."""
    query = select(Step).where(Step.run_id == run_id, Step.kind == StepKind.EVALUATION, Step.state == StepState.DONE)
    for step in session.exec(query.order_by(col(Step.iteration), col(Step.id))):
        yield step, step.facts.get("counts", {})


def _audits(iteration: int, counts: Mapping[str, float], settings: HonestySettings) -> Iterator[AuditScore]:
    parted = {parting.source for parting in partings(counts, settings)}
    for source, told in SOURCES.items():
        if f"{source}.gap" in counts:
            yield AuditScore(
                iteration=iteration,
                source=told,
                prompts=int(counts[f"{source}.prompts"]),
                accepted=counts[f"{source}.accepted"],
                followed=counts[f"{source}.followed"],
                gap=counts[f"{source}.gap"],
                gap_low=counts[f"{source}.gap_low"],
                gap_high=counts[f"{source}.gap_high"],
                false_accept=counts.get(f"{source}.false_accept"),
                false_reject=counts.get(f"{source}.false_reject"),
                alarm=source in parted,
            )
