"""Reads what a run's measurements came to so far, for `spar status` and pages: benchmarks and the judge audit.

From the facts of steps; opens no result. Writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from spar.db.facts import counts_of
from spar.db.tables import Run, Step
from spar.messages.base import StepKind
from spar.messages.counts import AuditCounts, ScoreCounts
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.states import StepState
from spar.recipes.benchmarks import shown_of
from spar.recipes.former_keys import stored_section
from spar.recipes.judge_audit import SOURCES, disagreements
from spar.recipes.models import JudgeAuditSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScore:
    """What a benchmark came to after an iteration, in percent (levels are levels). `benchmark` is the measurement's
    name: with several strategies `ifeval` and `ifeval:bfs`."""

    iteration: int
    benchmark: str
    score: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditScore:
    """The refiner's judging in an iteration against the rules, as shares: of `responses`, or of `refinements`.

    `gap` is what it accepts less what follows its prompt; `alarm` says whether that counts as drift.
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


def read_measured(session: Session, run: Run) -> tuple[tuple[BenchmarkScore, ...], tuple[AuditScore, ...]]:
    """Scores, and audits if the recipe has a judge_audit, by iteration."""
    query = select(Step).where(Step.run_id == run.id, Step.kind == StepKind.EVALUATION, Step.state == StepState.DONE)
    steps = session.exec(query.order_by(col(Step.iteration), col(Step.id))).all()
    scores = tuple(score for step in steps for score in _scores(step))
    section = stored_section(run.recipe, "judge_audit")
    if not section:
        return scores, ()
    settings = JudgeAuditSettings.model_validate(section)
    audited = (step for step in steps if step.part == JUDGE_AUDIT)
    return scores, tuple(audit for step in audited for audit in _audits(step, settings))


def _scores(step: Step) -> Iterator[BenchmarkScore]:
    scores = counts_of(step, ScoreCounts).scores
    for name in shown_of(step.part):
        if name in scores:
            yield BenchmarkScore(iteration=step.iteration, benchmark=step.part, score=name, value=scores[name])


def _audits(step: Step, settings: JudgeAuditSettings) -> Iterator[AuditScore]:
    audited = counts_of(step, AuditCounts).sources
    alarms = {each.source for each in disagreements(audited, settings)}
    for source, figures in audited.items():
        yield AuditScore(
            iteration=step.iteration,
            source=SOURCES[source],
            prompts=figures.prompts,
            accepted=figures.accepted,
            followed=figures.followed,
            gap=figures.gap,
            gap_low=figures.gap_low,
            gap_high=figures.gap_high,
            false_accept=figures.false_accept,
            false_reject=figures.false_reject,
            alarm=source in alarms,
        )
