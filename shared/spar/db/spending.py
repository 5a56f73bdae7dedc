"""Reads what a run has spent, all of it and by kind of step. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session, select

from spar.db.tables import RunClock, Spending
from spar.messages.base import StepKind
from spar.recipes.spending import Spent

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class RunSpending:
    """`means` are those of the steps of a kind that asked a model; a kind without any has none."""

    spent: Spent
    means: Mapping[StepKind, Spent]


def read_spending(session: Session, run_id: str) -> RunSpending:
    """A few rows, whatever the number of steps."""
    sums: dict[StepKind, Spent] = {}
    steps: dict[StepKind, int] = {}
    for row in session.exec(select(Spending).where(Spending.run_id == run_id)):
        here = Spent(row.calls, row.prompt_tokens, row.completion_tokens, trainings=row.trainings)
        sums[row.kind] = sums.get(row.kind, Spent()).plus(here)
        steps[row.kind] = steps.get(row.kind, 0) + row.steps
    clock = session.get(RunClock, run_id)
    spent = Spent(hours=clock.worked_s / HOUR_S if clock else 0.0)
    for each in sums.values():
        spent = spent.plus(each)
    means = {kind: Spent().plus(sums[kind], 1 / count) for kind, count in steps.items() if count}
    return RunSpending(spent, means)
