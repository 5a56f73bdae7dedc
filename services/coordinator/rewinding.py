"""Takes a finished run back to an iteration that lost shards, so that what follows from them can follow.

What was computed stays in the store under its fingerprint: steps whose inputs come out the same find it again.
"""

from sqlmodel import col, delete, select

from services.coordinator.ledger import Ledger
from spar.db.tables import Iteration, PromptOutcome, Run, Shard, Step, TrainingJob
from spar.messages.base import SHARD_KINDS
from spar.messages.event_names import EventName
from spar.messages.states import IterationStatus


def rewind(ledger: Ledger, run: Run, index: int) -> None:
    """Reopen the iteration's shards; its selection and all that came after it are taken back."""
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
