"""Reads a run's rows and the objects they name, for its report. Writes and aggregates nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from spar.db.facts import counts_of
from spar.db.spending import spending_of_steps
from spar.db.tables import Iteration, Model, PromptOutcome, Run, Shard, Step
from spar.errors import DataError
from spar.evaluation.benchmarks.report import KeptReport
from spar.evaluation.items import Item
from spar.evaluation.judge_audit import Audited
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.counts import AuditCounts
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.parts import shard_part
from spar.messages.states import RunStatus, StepState
from spar.method.records import Outcome, Tree
from spar.recipes.benchmarks import benchmark_of, in_order
from spar.recipes.init import ACTOR, FIRST
from spar.recipes.spending import Spent
from spar.report.judge_audit import judge_audit_facts
from spar.report.model import JudgeAuditFacts
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

Row = TypeVar("Row")


class RunReader:
    """One run's facts. Raises DataError for an unknown run, StoreError for invalid objects."""

    def __init__(self, session: Session, store: ObjectStore, run_id: str) -> None:
        run = session.get(Run, run_id)
        if run is None:
            raise DataError(f"There is no run '{run_id}' here.", "List the runs with: spar status.")
        self._session, self._store, self.run = session, store, run

    @property
    def first(self) -> int:
        """The number of the run's first iteration."""
        return ACTOR if self.run.recipe.get("init") else FIRST

    def iterations(self) -> Sequence[Iteration]:
        """The iterations that have started, in order."""
        query = select(Iteration).where(Iteration.run_id == self.run.id).order_by(col(Iteration.index))
        return self._session.exec(query).all()

    def done_steps(self, iteration: int) -> Sequence[Step]:
        query = (
            select(Step)
            .where(Step.run_id == self.run.id, Step.iteration == iteration, Step.state == StepState.DONE)
            .order_by(col(Step.id))
        )
        return self._session.exec(query).all()

    def spent(self, iteration: int) -> dict[StepKind, Spent]:
        """The use of models by the iteration's steps, by kind, in the order of work."""
        found = spending_of_steps(self._session, self.run.id)
        return {kind: found[iteration, kind] for kind in StepKind if (iteration, kind) in found}

    def outcomes(self, iteration: int) -> dict[str, int]:
        """How many prompts ended each way, every outcome named; all zero until the selection, or until a stop."""
        query = select(PromptOutcome.outcome).where(
            PromptOutcome.run_id == self.run.id, PromptOutcome.iteration == iteration
        )
        counted = Counter(self._session.exec(query))
        if not counted and self.run.status in (RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.STOPPED):
            counted = self._stopped_outcomes(iteration)
        return {outcome.value: counted[outcome.value] for outcome in Outcome}

    def _stopped_outcomes(self, iteration: int) -> Counter[str]:
        """Where a stop left the prompts of an iteration that has not selected. Going on makes this void."""
        states: dict[str, set[StepState]] = {}
        query = select(Step.part, Step.state).where(Step.run_id == self.run.id, Step.iteration == iteration)
        for part, state in self._session.exec(query.where(col(Step.kind).in_(SHARD_KINDS))):
            states.setdefault(part, set()).add(StepState(state))
        counted: Counter[str] = Counter()
        shards = select(Shard).where(Shard.run_id == self.run.id, Shard.iteration == iteration)
        for shard in self._session.exec(shards):
            counted[self._stopped(states.get(shard_part(shard.index), set())).value] += shard.prompts
        return counted

    def _stopped(self, states: set[StepState]) -> Outcome:
        """How the prompts of one shard ended, from the states of its steps."""
        if StepState.DEAD in states:
            return Outcome.ENGINE_FAILED
        begun = StepState.DONE in states
        return Outcome.CANCELLED if begun and self.run.status is RunStatus.CANCELLED else Outcome.NOT_REACHED

    def model(self, fingerprint: str) -> Model:
        return self._session.get_one(Model, fingerprint)

    def items(self, steps: Sequence[Step]) -> list[Item]:
        evaluations = of_kind(steps, StepKind.EVALUATION)
        suite = [step for step in evaluations if step.part != JUDGE_AUDIT and benchmark_of(step.part) is None]
        return [item for step in suite for item in self.rows(step, Item)]

    def judge_audit(self, steps: Sequence[Step]) -> JudgeAuditFacts | None:
        """The rules' audit of the refiner's judging, if the recipe has one."""
        for step in of_kind(steps, StepKind.EVALUATION):
            if step.part == JUDGE_AUDIT:
                facts = judge_audit_facts(
                    self.rows(step, Audited), counts_of(step, AuditCounts).sources, self.run.recipe
                )
                return facts.model_copy(update={"result": str(step.result_key)})
        return None

    def benchmarks(self, steps: Sequence[Step]) -> dict[str, tuple[str, KeptReport]]:
        """By name of the measurement: the key of the result, which also holds the responses, and its content."""
        found = {step.part: step for step in of_kind(steps, StepKind.EVALUATION) if benchmark_of(step.part) is not None}
        return {part: (str(found[part].result_key), self.rows(found[part], KeptReport)[0]) for part in in_order(found)}

    def trees(self, steps: Sequence[Step]) -> Iterator[Tree]:
        """One shard at a time: a large run's trees are never all in memory."""
        for step in of_kind(steps, StepKind.REFINEMENT):
            yield from self.rows(step, Tree)

    def rows(self, step: Step, row_type: type[Row]) -> list[Row]:
        key = step.result_key
        if key is None:
            raise DataError(f"Step {step.id} is done and names no result.", "This is a bug: please report it.")
        return self.stored(key, row_type)

    def stored(self, key: str, row_type: type[Row]) -> list[Row]:
        """The rows of an object that a row or a result names."""
        return decode_rows(get_verified(self._store, key), row_type, key)[1]


def of_kind(steps: Sequence[Step], kind: StepKind) -> list[Step]:
    return [step for step in steps if step.kind is kind]
