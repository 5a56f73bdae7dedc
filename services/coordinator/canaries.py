"""Reads the state of an iteration's canary: its first shards, whose few steps are read one by one. What follows from
it, `shortfall` and `flow` decide."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from services.coordinator.shortfall import Canary, canary_shards
from spar.db.facts import counts_of
from spar.db.tables import Iteration, Run, Shard, Step
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.counts import ReplyCounts, ShardCounts
from spar.messages.parts import shard_part
from spar.messages.states import StepState
from spar.method.records import ReplyFailure
from spar.recipes.models import Recipe

CANARY_KINDS = (StepKind.GENERATION, StepKind.JUDGMENT)


def is_sent(index: int, iteration: int, kind: StepKind, state: StepState) -> bool:
    """Whether a counter is of shards of iteration `index` whose generation has been sent."""
    return iteration == index and kind is StepKind.GENERATION and state is not StepState.READY


def canary_of(session: Session, run: Run, iteration: Iteration, recipe: Recipe, sent: int) -> Canary | None:
    """None once later shards have been sent: the canary has been evaluated by then. `sent` counts all shards that were
    sent."""
    size = canary_shards(recipe.prompts.shard_size, iteration.shards)
    if sent > size:
        return None
    mine = (Step.run_id == run.id, Step.iteration == iteration.index, col(Step.kind).in_(CANARY_KINDS))
    parts = [shard_part(index) for index in range(size)]
    beyond = select(Step.id).where(*mine, col(Step.part).not_in(parts), Step.state != StepState.READY).limit(1)
    if session.exec(beyond).first() is not None:
        return None
    steps = session.exec(select(Step).where(*mine, col(Step.part).in_(parts)).order_by(col(Step.id))).all()
    here = (Shard.run_id == run.id, Shard.iteration == iteration.index, col(Shard.index) < size)
    shards = session.exec(select(Shard).where(*here).order_by(col(Shard.index))).all()
    ended = [end for shard in shards if (end := _end_of(shard, steps)) is not None]
    dead = [step for step in steps if step.state is StepState.DEAD]
    return Canary(
        shards=size,
        prompts=sum(shard.prompts for shard in shards),
        open=size - len(ended),
        unusable=None if any(end.unusable is None for end in ended) else sum(end.unusable or 0 for end in ended),
        failure=FailureReason(dead[-1].failure or FailureReason.UNEXPECTED) if dead else None,
        error=(dead[-1].reason or "") if dead else "",
        replies=_failed_replies(steps),
    )


def _failed_replies(steps: Sequence[Step]) -> Counter[ReplyFailure]:
    counted: Counter[ReplyFailure] = Counter()
    for step in steps:
        failed = counts_of(step, ReplyCounts).failed
        counted += Counter({failure: failed.get(failure, 0) for failure in ReplyFailure})
    return counted


@dataclass(frozen=True, slots=True)
class _End:
    """A shard has finished; `unusable` of its prompts yielded nothing that can be used, None if its result does not
    say."""

    unusable: int | None


def _end_of(shard: Shard, steps: Sequence[Step]) -> _End | None:
    """None while it is in progress: it ends with its judgment, or as soon as nothing is left to judge."""
    mine = {step.kind: step for step in steps if step.part == shard_part(shard.index)}
    if any(step.state is StepState.DEAD for step in mine.values()):
        return _End(shard.prompts)
    generated, judged = (_unusable(mine.get(kind)) for kind in CANARY_KINDS)
    if generated is not None and generated.unusable == shard.prompts:
        return generated
    return judged


def _unusable(step: Step | None) -> _End | None:
    if step is None or step.state is not StepState.DONE:
        return None
    return _End(counts_of(step, ShardCounts).unusable)
