"""Dead letters: which steps that failed for good may be retried, and retrying them.

While a run is in progress, a shard's step counts only until its iteration has selected; a failed selection is
recomputed from the shards' results at that time. A finished run is rewound to the iteration of the step: what was
computed stays in the store under its fingerprint, so steps whose inputs come out the same find it again. What its user
dropped stays dead unless it is named. Sends nothing: the next tick does.
"""

from collections.abc import Collection

from sqlmodel import col, delete, select

from services.coordinator.ledger import Ledger
from spar.db.dropped import is_dropped, mark_dropped, unmark_dropped
from spar.db.tables import Iteration, PromptOutcome, Run, Shard, Step, TrainingJob
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.event_names import EventName
from spar.messages.states import IterationStatus, RunStatus, StepState

IDLE = (StepState.READY, StepState.DEAD)


def revive(ledger: Ledger, run: Run, only: Collection[int] | None = None) -> tuple[list[Step], list[Step]]:
    """Make the run's dead steps ready again, or those of them with these ids: (revived, too late for that)."""
    dead = _dead(ledger, run, only)
    if run.status is RunStatus.FINISHED and (lost := [step.iteration for step in dead if step.kind in SHARD_KINDS]):
        rewind(ledger, run, min(lost))
        dead = _dead(ledger, run, only)  # those of later iterations were removed by that
    iteration = ledger.current(run)
    if iteration is not None and any(_is_shard_step(step, iteration) for step in dead):
        _reopen_shards(ledger, run, iteration)
    revived: list[Step] = []
    late: list[Step] = []
    for step in dead:
        # The selection may have been removed by now: it is prepared again when the shards have ended.
        if step.kind is StepKind.SELECTION and ledger.step(step.id or 0) is None:
            continue
        (revived if _counts_still(step, iteration) else late).append(step)
    for step in revived:
        unmark_dropped(step)
        ledger.move(step, StepState.READY, failures=0, reason=None, failure=None, not_before=None, finished_at=None)
    return revived, late


def drop(ledger: Ledger, run: Run, steps: Collection[int]) -> list[Step]:
    """Accept that these dead steps stay dead: their prompts' outcomes count as they are."""
    dropped = [step for step in ledger.steps_in([StepState.DEAD], run.id) if step.id in steps and not is_dropped(step)]
    for step in dropped:
        mark_dropped(step)
        ledger.session.add(step)
    return dropped


def _dead(ledger: Ledger, run: Run, only: Collection[int] | None) -> list[Step]:
    dead = ledger.steps_in([StepState.DEAD], run.id)
    return [step for step in dead if (not is_dropped(step) if only is None else step.id in only)]


def _reopen_shards(ledger: Ledger, run: Run, iteration: Iteration) -> None:
    selection = ledger.find_step(run.id, iteration.index, StepKind.SELECTION, "")
    if iteration.status is IterationStatus.SELECTION and selection is not None and selection.state in IDLE:
        ledger.remove_step(selection)
        iteration.status = IterationStatus.SHARDS


def _counts_still(step: Step, iteration: Iteration | None) -> bool:
    if step.kind is StepKind.EVALUATION:
        return True
    if iteration is None or step.iteration != iteration.index:
        return False
    if _is_shard_step(step, iteration):
        return iteration.status is IterationStatus.SHARDS
    return True


def _is_shard_step(step: Step, iteration: Iteration) -> bool:
    return step.iteration == iteration.index and step.kind in SHARD_KINDS


def rewind(ledger: Ledger, run: Run, index: int) -> None:
    """Reopen the iteration's shards; its selection and everything after it are removed."""
    session = ledger.session
    for step in session.exec(select(Step).where(Step.run_id == run.id, Step.iteration >= index)).all():
        if step.iteration > index or step.kind not in SHARD_KINDS:
            session.execute(delete(TrainingJob).where(col(TrainingJob.step_id) == step.id))
            ledger.remove_step(step)
    session.execute(
        delete(PromptOutcome).where(col(PromptOutcome.run_id) == run.id, col(PromptOutcome.iteration) >= index)
    )
    session.execute(delete(Shard).where(col(Shard.run_id) == run.id, col(Shard.iteration) > index))
    session.execute(delete(Iteration).where(col(Iteration.run_id) == run.id, col(Iteration.index) > index))
    reopened = ledger.iteration(run.id, index)
    reopened.status, reopened.finished_at = IterationStatus.SHARDS, None
    reopened.actor_after = reopened.refiner_after = None
    run.iteration = index
    ledger.event(EventName.RUN_REWOUND, run.id, iteration=index)
