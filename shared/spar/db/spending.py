"""Reads what a run has spent, all of it and by kind of step, the teacher's calls apart. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Integer, func
from sqlmodel import Session, col, select

from spar.db.tables import RunClock, Spending, Step
from spar.messages.base import StepKind
from spar.recipes.init import is_teachers
from spar.recipes.spending import Spent

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class RunSpending:
    """`means` are those of the steps that called a model, by their kind and whether the model was the teacher; without
    any there is none."""

    spent: Spent
    means: Mapping[tuple[StepKind, bool], Spent]

    def means_in(self, iteration: int) -> dict[StepKind, Spent]:
        """The mean cost of a step of each kind in the iteration. Until a step has called the same model, it is the mean
        of the others of its kind, at the price of the model that it calls."""
        found = {}
        for kind in StepKind:
            teachers = is_teachers(iteration, kind)
            mean = self.means.get((kind, teachers)) or self.means.get((kind, not teachers))
            if mean is not None:
                found[kind] = mean.teachers if teachers else mean.own
        return found


def spending_of_steps(session: Session, run_id: str) -> dict[tuple[int, StepKind], Spent]:
    """What every attempt that came to a result has taken, by iteration and kind of step."""
    return {
        (row.iteration, StepKind(row.kind)): _spent(row)
        for row in session.exec(select(Spending).where(Spending.run_id == run_id))
    }


def _spent(row: Spending) -> Spent:
    return Spent(
        calls=row.calls,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        trainings=row.trainings,
    )


def read_spending(session: Session, run_id: str) -> RunSpending:
    """A few rows, whatever the number of steps."""
    sums: dict[tuple[StepKind, bool], Spent] = {}
    steps: dict[tuple[StepKind, bool], int] = {}
    for row in session.exec(select(Spending).where(Spending.run_id == run_id)):
        here = Spent(
            calls=row.calls,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            trainings=row.trainings,
        )
        key = row.kind, is_teachers(row.iteration, row.kind)
        sums[key] = sums.get(key, Spent()).plus(here.teachers if key[1] else here)
        steps[key] = steps.get(key, 0) + row.steps
    clock = session.get(RunClock, run_id)
    spent = Spent(hours=clock.worked_s / HOUR_S if clock else 0.0)
    for each in sums.values():
        spent = spent.plus(each)
    means = {key: Spent().plus(sums[key], 1 / count) for key, count in steps.items() if count}
    return RunSpending(spent, means)


def estimated_tokens(session: Session, run_id: str) -> int:
    """Of the run's tokens, those that no server counted: of steps that are done, reused ones left out."""
    tokens = func.sum(Step.facts["usage"]["estimated_tokens"].as_string().cast(Integer))
    found = session.exec(select(tokens).where(Step.run_id == run_id, col(Step.reused).is_(False))).one()
    return int(found or 0)
