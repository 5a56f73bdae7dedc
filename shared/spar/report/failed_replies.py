"""Examples of unusable replies from an iteration's results: the reason that a run stopped, in its models' words.

A few of each kind are enough to see what is wrong; the report counts them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from sqlmodel import Session, col, select

from spar.db.facts import counts_of
from spar.db.tables import Step
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.counts import ShardCounts
from spar.messages.states import StepState
from spar.method.records import Generated, JudgedPrompt, Tree
from spar.report.reader import RunReader, of_kind
from spar.store.base import ObjectStore

EXAMPLES = 3
"""One may be an exception; more than a few add nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReplyExample:
    """What was requested (a response, vote, refinement or whole step), why it failed, and the reply or the error."""

    requested: str
    failure: str
    text: str


def failed_replies(session: Session, store: ObjectStore, run_id: str, most: int = EXAMPLES) -> list[FailedReplyExample]:
    """Failed replies of the run's last iteration, distinct texts only, from shards that lost a prompt."""
    reader = RunReader(session, store, run_id)
    found: dict[tuple[str, str], FailedReplyExample] = {}
    for example in chain(_of_dead_steps(session, reader), _of_results(reader)):
        found.setdefault((example.failure, example.text), example)
        if len(found) == most:
            break
    return list(found.values())


def _of_dead_steps(session: Session, reader: RunReader) -> Iterator[FailedReplyExample]:
    here = (Step.run_id == reader.run.id, Step.iteration == reader.run.iteration, Step.state == StepState.DEAD)
    for step in session.exec(select(Step).where(*here, col(Step.kind).in_(SHARD_KINDS)).order_by(col(Step.id))):
        yield FailedReplyExample(
            requested=f"{step.kind} step", failure=step.failure or FailureReason.UNEXPECTED, text=step.reason or ""
        )


def _of_results(reader: RunReader) -> Iterator[FailedReplyExample]:
    steps = [step for step in reader.done_steps(reader.run.iteration) if _unusable(step)]
    for step in of_kind(steps, StepKind.JUDGMENT):
        for judged in reader.rows(step, JudgedPrompt):
            yield from _of_judged(judged)
    for step in of_kind(steps, StepKind.GENERATION):
        for generated in reader.rows(step, Generated):
            for response in generated.responses:
                if response.failure is not None:
                    yield FailedReplyExample(requested="response", failure=response.failure, text=response.text)
    for step in of_kind(steps, StepKind.REFINEMENT):
        for tree in reader.rows(step, Tree):
            yield from _of_tree(tree)


def _unusable(step: Step) -> int:
    """Prompts of the step's shard without a usable reply; 0 if an older version did not count them."""
    return counts_of(step, ShardCounts).unusable or 0


def _of_judged(judged: JudgedPrompt) -> Iterator[FailedReplyExample]:
    for item in judged.responses:
        for vote in item.judgment.votes if item.judgment is not None else ():
            if vote.failure is not None:
                yield FailedReplyExample(requested="vote", failure=vote.failure, text=vote.reply)


def _of_tree(tree: Tree) -> Iterator[FailedReplyExample]:
    for place in tree.pruned:
        for reply in place.replies:
            if reply.failure is not None:
                yield FailedReplyExample(requested="refinement", failure=reply.failure, text=reply.reply)
