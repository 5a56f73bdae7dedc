"""The rows of lost results: which step produced an object, which steps are being recomputed. Decides nothing."""

import structlog
from sqlmodel import col, select

from services.coordinator.ledger import IN_FLIGHT, Ledger
from services.coordinator.recompute.verdict import Recomputing, Source, fingerprint_in, is_after, source_of
from spar.db.tables import Step
from spar.messages.base import StepKind
from spar.messages.event_names import EventName
from spar.messages.states import StepState
from spar.recipes.init import ACTOR, REFINER, iteration_name

log = structlog.get_logger()


def producer_of(ledger: Ledger, reader: Step, key: str) -> Step | None:
    """The step of the reader's run that produced the object; None if no step did."""
    match source_of(key):
        case Source.RESULT | Source.MODEL:
            query = select(Step).where(Step.run_id == reader.run_id, Step.fingerprint == fingerprint_in(key))
            return ledger.session.exec(query.order_by(col(Step.id))).first()
        case Source.SELECTION:
            return ledger.find_step(reader.run_id, selected_in(reader, key), StepKind.SELECTION, "")
        case _:
            return None


def selected_in(reader: Step, key: str) -> int:
    """The iteration whose selection wrote an object: the reader's own, except for the first training set of a single
    model, which has rows of both initial iterations."""
    first_training = reader.kind is StepKind.TRAINING and reader.iteration == REFINER
    more = [rows["key"] for rows in reader.message["spec"].get("more", [])] if first_training else []
    return ACTOR if key in more else reader.iteration


def reopen(ledger: Ledger, step: Step) -> None:
    """Make a step ready that was done. It reuses a result only if another run has produced it since."""
    known = ledger.result(step.fingerprint)
    if known is not None and not is_after(known.created_at, step.finished_at):
        ledger.forget_result(known)
    remade = step.remade + 1
    record(ledger, EventName.RESULT_LOST, step, key=step.result_key, remade=remade)
    ledger.memory.nothing_lost.discard(step.run_id)
    ledger.move(step, StepState.READY, remade=remade, failures=0, reused=False, not_before=None, finished_at=None)


def record(ledger: Ledger, event: EventName, step: Step, **fields: object) -> None:
    log.warning(event, step=step.id, kind=step.kind, part=step.part, **fields)
    ledger.event(event, step.run_id, step=step.id, step_kind=step.kind, part=step.part, **fields)


def recomputing(ledger: Ledger, run_id: str) -> Recomputing | None:
    """The earliest results that are being recomputed; None: there are none."""
    steps = [step for step in _recomputed(ledger, run_id) if step.state in (StepState.READY, *IN_FLIGHT)]
    if not steps:
        return None
    first, *_ = steps
    earliest = [step for step in steps if (step.iteration, step.kind) == (first.iteration, first.kind)]
    in_flight = sum(step.state in IN_FLIGHT for step in earliest)
    return Recomputing(
        iteration=first.iteration,
        kind=first.kind,
        ready=len(earliest) - in_flight,
        in_flight=in_flight,
        others_in_flight=sum(step.state in IN_FLIGHT for step in steps) - in_flight,
    )


def reset_recompute_counts(ledger: Ledger, run_id: str) -> None:
    """A user has resumed the run: each result may be recomputed as often as in a new run."""
    for step in _recomputed(ledger, run_id):
        step.remade = 0 if step.state is StepState.DONE else 1


def _recomputed(ledger: Ledger, run_id: str) -> list[Step]:
    """Steps whose result was ever lost, the earliest first: later ones may read what earlier ones produce."""
    if run_id in ledger.memory.nothing_lost:
        return []
    order = list(StepKind)
    steps = ledger.session.exec(select(Step).where(Step.run_id == run_id, Step.remade > 0)).all()
    if not steps:
        ledger.memory.nothing_lost.add(run_id)
    return sorted(steps, key=lambda step: (step.iteration, order.index(step.kind), step.id))


def name_of(step: Step) -> str:
    part = f" {step.part}" if step.part else ""
    return f"{step.kind}{part} of {iteration_name(step.iteration)}"
