"""What the database records of a step that is done: a selection's outcomes and guards, a model, an alarm about drift.

Contamination is measured here, since which prompts the evaluation uses is not part of a selection's inputs. The bounds
of guards and audits are part of no spec, so changing one recomputes nothing. Whether a run stops, `flow` decides.
"""

from collections.abc import Sequence
from typing import TypeVar

from services.coordinator.events import SelectionDone
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.training import base_model
from spar.db.facts import counts_of, facts_of
from spar.db.tables import Step
from spar.errors import ObjectLost
from spar.messages.counts import AuditCounts, SelectionCounts
from spar.messages.endings import EndReason, RunEnd
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.event_names import EventName
from spar.messages.facts import StepFacts
from spar.messages.parts import role_of
from spar.messages.training import PromptEnd
from spar.method.guards import Guard, share
from spar.method.outcomes import count_outcomes
from spar.method.records import Outcome, Prompt
from spar.recipes.guards import GuardFinding, Mark, beyond, findings, fix, reason
from spar.recipes.init import iteration_name
from spar.recipes.judge_audit import disagreements
from spar.store.rereading import reread
from spar.store.results import get_verified
from spar.store.rows import decode_rows

LEARNED = (Outcome.PAIR, Outcome.EXAMPLE)
"""The outcomes of prompts that the actor learns from."""

Row = TypeVar("Row")


def book_selection(run: RunContext, step: Step) -> SelectionDone:
    """Store each prompt's outcome, and compare the rows with the recipe's guards."""
    ledger, iteration = run.ledger, run.iteration(step.iteration)
    selected = run.selected(step.iteration)
    ends = _rows(run, selected.outcomes_key, PromptEnd)
    outcomes = count_outcomes([Outcome(end.outcome) for end in ends], iteration.prompts)
    ledger.add_outcomes(run.run.id, step.iteration, [(end.prompt_id, end.outcome) for end in ends])
    rows = selected.actor_rows + selected.judge_pairs
    if run.recipe.models.shared:
        rows += selected.examples  # the single model learns what a refiner would
    return SelectionDone(
        pairs=rows,
        examples=selected.examples,
        audits=selected.actor_rows > 0,
        outcomes=outcomes,
        failure=ledger.failure_of_shards(run.run.id, step.iteration),
        guarded=guarded(step.iteration, _guard(run, step, ends)),
    )


def book_training(run: RunContext, step: Step) -> None:
    """Store the model, and that the iteration ends with it."""
    iteration, role = run.iteration(step.iteration), role_of(step.part)
    run.ledger.add_model(step.fingerprint, "store", base_model(run, iteration, role).fingerprint)
    run.ledger.training_ended(step)
    if role == "actor":
        iteration.actor_after = step.fingerprint
    else:
        iteration.refiner_after = step.fingerprint


def report_drift(run: RunContext, step: Step) -> None:
    """Record where an audit found that the refiner disagrees with the rules more than the recipe allows."""
    if step.part == JUDGE_AUDIT and run.recipe.judge_audit is not None:
        audited = counts_of(step, AuditCounts).sources
        for disagreement in disagreements(audited, run.recipe.judge_audit):
            where = {"iteration": step.iteration, "source": disagreement.source}
            run.ledger.event(EventName.JUDGE_DRIFTED, run.run.id, **where, finding=str(disagreement))


def _guard(run: RunContext, step: Step, ends: Sequence[PromptEnd]) -> tuple[GuardFinding, ...]:
    """What the guards found in a selection's rows; each warning is recorded as an event."""
    facts = facts_of(step)
    if (evaluated := _evaluated(run, step)) is not None:
        facts = with_contamination(facts, ends, evaluated)
        step.facts = facts.stored()
    found = findings(SelectionCounts.of(facts.counts).guards, run.recipe.guards)
    for warning in beyond(found, Mark.WARN):
        where = {"iteration": step.iteration, "guard": warning.guard.value}
        run.ledger.event(EventName.GUARD_WARNED, run.run.id, **where, finding=str(warning))
    return found


def _evaluated(run: RunContext, step: Step) -> frozenset[str] | None:
    """The ids of the prompts that the evaluation uses; None where they are not known. Losing them ends no run."""
    if "evaluated" not in run.run.inputs:
        return None
    try:
        return frozenset(prompt.id for prompt in _rows(run, run.run.inputs["evaluated"], Prompt))
    except ObjectLost as error:
        where = {"iteration": step.iteration, "guard": Guard.CONTAMINATED.value}
        run.ledger.event(EventName.GUARD_UNMEASURED, run.run.id, **where, key=error.key)
        return None


def with_contamination(facts: StepFacts, ends: Sequence[PromptEnd], evaluated: frozenset[str]) -> StepFacts:
    """The selection's facts, and how many of its rows for the actor have a prompt that the evaluation uses."""
    found = share(end.prompt_id in evaluated for end in ends if end.outcome in LEARNED)
    added = SelectionCounts(guards={Guard.CONTAMINATED: found}).flat()
    return facts.model_copy(update={"counts": {**facts.counts, **added}})


def guarded(iteration: int, found: Sequence[GuardFinding]) -> RunEnd | None:
    """Why the run stops before it trains, if the recipe wants that."""
    failed = beyond(found, Mark.FAIL)
    if not failed:
        return None
    return RunEnd(reason=EndReason.GUARDS, what=reason(iteration_name(iteration), failed), fix=fix(failed))


def _rows(run: RunContext, key: str, row_type: type[Row]) -> list[Row]:
    return decode_rows(reread(lambda: get_verified(run.store, key)), row_type, key)[1]
