"""Reads what the guards before training found in a run's rows, from the facts of its selections. Writes nothing."""

from sqlmodel import Session, col, select

from spar.db.facts import counts_of
from spar.db.tables import Run, Step
from spar.messages.base import StepKind
from spar.messages.counts import SelectionCounts
from spar.messages.states import StepState
from spar.recipes.guards import GuardFinding, Mark, beyond, findings
from spar.recipes.init import iteration_name
from spar.recipes.models import GuardSettings


def guard_findings(run: Run, selection: Step) -> tuple[GuardFinding, ...]:
    """By the bounds that the run has now."""
    settings = GuardSettings.model_validate(run.recipe.get("guards") or {})
    return findings(counts_of(selection, SelectionCounts).guards, settings)


def read_guard_alarms(session: Session, run: Run) -> tuple[str, ...]:
    """What the guards warn of, by iteration. What stopped the run is its reason."""
    query = select(Step).where(Step.run_id == run.id, Step.kind == StepKind.SELECTION, Step.state == StepState.DONE)
    return tuple(
        f"{iteration_name(step.iteration)}: {warning}"
        for step in session.exec(query.order_by(col(Step.iteration))).all()
        for warning in beyond(guard_findings(run, step), Mark.WARN)
    )
