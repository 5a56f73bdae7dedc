"""Checks of a run's books against themselves. Reads the database only; what the store holds is `objects`' to check."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from spar.db.tables import Iteration, PromptOutcome, Run, Shard, Step, StepCount
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.method.records import Outcome
from spar.upkeep.findings import Check, Finding, Remedy

REPORT_IT = "Restore the database from a backup or the run from an archive; if neither is at hand, report it."
RESUME = "Resume the run: it dispatches what is open."


def check_books(session: Session, run: Run) -> Iterator[Finding]:
    iterations = session.exec(select(Iteration).where(Iteration.run_id == run.id)).all()
    steps = session.exec(select(Step).where(Step.run_id == run.id).order_by(col(Step.id))).all()
    yield from _run(run, {iteration.index for iteration in iterations}, steps)
    for iteration in sorted(iterations, key=lambda each: each.index):
        mine = [step for step in steps if step.iteration == iteration.index]
        yield from _iteration(session, iteration, mine)
        yield from _outcomes(session, iteration, mine)
    for step in steps:
        yield from _step(step)
    yield from _counters(session, run, steps)


def _run(run: Run, begun: set[int], steps: Sequence[Step]) -> Iterator[Finding]:
    where = f"run {run.id}"
    if run.started_at is not None and begun and run.iteration not in begun:
        yield _state(f"It is in iteration {run.iteration}, of which there is no row.", where)
    if run.status is RunStatus.FAILED and not run.reason:
        yield _state("It has failed without a reason.", where, RESUME)
    open_ = [step for step in steps if _is_open(step)]
    if run.status is RunStatus.FINISHED and open_:
        yield _state(f"It is finished, and {len(open_)} of its steps are {open_[0].state}.", where)


def _iteration(session: Session, iteration: Iteration, steps: Sequence[Step]) -> Iterator[Finding]:
    where = f"iteration {iteration.index}"
    query = select(Shard).where(Shard.run_id == iteration.run_id, Shard.iteration == iteration.index)
    shards = session.exec(query).all()
    prompts = sum(shard.prompts for shard in shards)
    if len(shards) != iteration.shards or (shards and prompts != iteration.prompts):
        what = f"It has {len(shards)} shards with {prompts} prompts, not {iteration.shards} with {iteration.prompts}."
        yield _state(what, where)
    if iteration.status is IterationStatus.DONE:
        if iteration.actor_after is None or iteration.refiner_after is None:
            yield _state("It is done and names no models that it ended with.", where)
        open_ = [step for step in steps if step.kind is not StepKind.EVALUATION and _is_open(step)]
        if any(not step.remade for step in open_):
            yield _state(f"It is done, and its step {open_[0].id} ({open_[0].kind}) is {open_[0].state}.", where)


def _outcomes(session: Session, iteration: Iteration, steps: Sequence[Step]) -> Iterator[Finding]:
    """Once the selection has ended, every prompt has exactly one."""
    selected = any(step.kind is StepKind.SELECTION and step.state is StepState.DONE for step in steps)
    if not selected:
        return
    mine = (PromptOutcome.run_id == iteration.run_id, PromptOutcome.iteration == iteration.index)
    rows = session.exec(select(PromptOutcome).where(*mine)).all()
    known = {outcome.value for outcome in Outcome}
    strange = [row for row in rows if row.outcome not in known]
    if sorted(row.position for row in rows) != list(range(iteration.prompts)) or strange:
        what = f"It has {len(rows) - len(strange)} known outcomes of {iteration.prompts} prompts."
        yield Finding(
            check=Check.OUTCOMES,
            what=what,
            where=f"iteration {iteration.index}",
            fix="Read them again from the selection's result: --fix.",
            remedy=Remedy.REBOOK,
            iteration=iteration.index,
        )


def _step(step: Step) -> Iterator[Finding]:
    where = f"step {step.id} ({step.kind} {step.part} of iteration {step.iteration})".replace(" )", ")")
    match step.state:
        case StepState.DONE if not step.result_key:
            yield _lost_result(step, "It is done and names no result.", where)
        case StepState.DEAD if not step.reason:
            yield _state("It failed for good without a reason.", where, "Retry it: spar resume RUN.")
        case StepState.DISPATCHED | StepState.RUNNING if step.dispatched_at is None or step.attempt < 1:
            yield _state(f"It is {step.state} without an attempt.", where, RESUME)
    if step.message.get("step_id") != step.id or step.message.get("fingerprint") != step.fingerprint:
        yield _state("Its message is another step's.", where)
    if step.kind in SHARD_KINDS and not step.part.isdigit():
        yield _state(f"It belongs to the shard {step.part!r}, which is no number.", where)


def _lost_result(step: Step, what: str, where: str) -> Finding:
    return Finding(
        check=Check.STEPS,
        what=what,
        where=where,
        fix="Have it computed again: --fix, then resume the run.",
        remedy=Remedy.RECOMPUTE,
        step=step.id or 0,
    )


def _counters(session: Session, run: Run, steps: Sequence[Step]) -> Iterator[Finding]:
    counted = Counter((step.iteration, step.kind, step.state) for step in steps)
    rows = session.exec(select(StepCount).where(StepCount.run_id == run.id)).all()
    kept = {(row.iteration, row.kind, row.state): row.count for row in rows if row.count}
    for place in sorted(set(counted) | set(kept), key=str):
        if counted[place] != kept.get(place, 0):
            iteration, kind, state = place
            what = f"The counter of {kind} steps that are {state} is {kept.get(place, 0)}; there are {counted[place]}."
            yield Finding(
                check=Check.COUNTERS,
                what=what,
                where=f"iteration {iteration}",
                fix="Count them again: --fix.",
                remedy=Remedy.RECOUNT,
                iteration=iteration,
            )


def _state(what: str, where: str, fix: str = REPORT_IT) -> Finding:
    return Finding(check=Check.STEPS, what=what, where=where, fix=fix)


def _is_open(step: Step) -> bool:
    return step.state not in (StepState.DONE, StepState.DEAD)
