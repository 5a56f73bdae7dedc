"""One prompt's way through a run: its responses, judgments, search and selection. Reads; aggregates nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlmodel import Session, col, select

from spar.db.facts import facts_of
from spar.db.tables import PromptOutcome, Shard, Step
from spar.errors import DataError
from spar.messages.base import StepKind
from spar.messages.parts import shard_index, shard_part
from spar.messages.states import StepState
from spar.method.records import Generated, JudgedPrompt, Prompt, Tree
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

Row = TypeVar("Row", Generated, JudgedPrompt, Tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFact:
    """A step of the prompt's shard, or of its iteration: its state, attempts, worker and time.

    Its prompts share the seconds. `role` is the role that a training trained, or empty.
    """

    kind: StepKind
    role: str
    state: StepState
    attempt: int
    reused: bool
    worker: str | None
    seconds: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptHistory:
    """Everything known about a prompt in one iteration; None or empty for stages that it has not reached."""

    iteration: int
    position: int
    shard: int
    prompt: Prompt
    steps: tuple[StepFact, ...]
    generated: Generated | None
    judged: JudgedPrompt | None
    tree: Tree | None
    outcome: str | None

    @property
    def place(self) -> tuple[int, int]:
        return self.iteration, self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEntry:
    """A prompt of an iteration: where it stands, and how it ended (None: not yet)."""

    iteration: int
    position: int
    shard: int
    prompt: Prompt
    outcome: str | None

    @property
    def place(self) -> tuple[int, int]:
        return self.iteration, self.position


def one_prompt(found: Sequence[PromptHistory], run_id: str, wanted: str, listing: str) -> list[PromptHistory]:
    """The prompt, if exactly one matches. Raises DataError for none or several; `listing` lists them all."""
    if not found:
        raise DataError(
            f"No prompt of run {run_id} has the id or text {wanted!r}.",
            f"List its prompts with their ids: {listing}",
        )
    ids = sorted({history.prompt.id for history in found})
    if len(ids) > 1:
        raise DataError(f"{wanted!r} is the start of {len(ids)} ids.", f"Choose one: {', '.join(ids[:5])}.")
    return list(found)


class HistoryReader:
    """The prompts of one run, from its rows and objects. Raises StoreError for invalid objects.

    `listing` tells a reader how to list the prompts: a command, or a request.
    """

    def __init__(self, session: Session, store: ObjectStore, run_id: str, listing: str) -> None:
        self._session, self._store, self.run_id, self._listing = session, store, run_id, listing

    def entries(
        self, outcome: str | None = None, iteration: int | None = None, start: int = 0, limit: int | None = None
    ) -> Iterator[PromptEntry]:
        """In order of iteration and position, from number `start` on, at most `limit`. Holds one shard in memory."""
        end = None if limit is None else start + limit
        return islice((entry for entry in self._entries(iteration) if outcome in (None, entry.outcome)), start, end)

    def _entries(self, iteration: int | None) -> Iterator[PromptEntry]:
        for shard in self._shards(iteration):
            outcomes = self._outcomes(shard)
            for offset, prompt in enumerate(self._prompts(shard)):
                position = shard.first + offset
                yield PromptEntry(
                    iteration=shard.iteration,
                    position=position,
                    shard=shard.index,
                    prompt=prompt,
                    outcome=outcomes.get(position),
                )

    def history(self, entry: PromptEntry) -> PromptHistory:
        shard = self._session.get_one(Shard, (self.run_id, entry.iteration, entry.shard))
        return self._history(shard, entry.position - shard.first, entry.prompt)

    def generated_shards(self, iteration: int) -> set[int]:
        """The shards whose prompts have responses."""
        query = select(Step.part).where(Step.run_id == self.run_id, Step.iteration == iteration)
        done = query.where(Step.kind == StepKind.GENERATION, Step.state == StepState.DONE)
        return {shard_index(part) for part in self._session.exec(done)}

    def find(self, prompt: str) -> list[PromptHistory]:
        """The prompt in each iteration that has it, by (the start of) its id, or its text. Raises DataError."""
        found = [self._history(*place) for place in self._places(prompt)]
        return one_prompt(found, self.run_id, prompt, self._listing)

    def _places(self, wanted: str) -> Iterator[tuple[Shard, int, Prompt]]:
        for shard in self._shards(None):
            for offset, prompt in enumerate(self._prompts(shard)):
                if prompt.id.startswith(wanted) or prompt.text == wanted:
                    yield shard, offset, prompt

    def _shards(self, iteration: int | None) -> Sequence[Shard]:
        query = select(Shard).where(Shard.run_id == self.run_id)
        if iteration is not None:
            query = query.where(Shard.iteration == iteration)
        return self._session.exec(query.order_by(col(Shard.iteration), col(Shard.index))).all()

    def _prompts(self, shard: Shard) -> list[Prompt]:
        return decode_rows(get_verified(self._store, shard.prompts_key), Prompt, shard.prompts_key)[1]

    def _outcomes(self, shard: Shard) -> dict[int, str]:
        query = select(PromptOutcome.position, PromptOutcome.outcome).where(
            PromptOutcome.run_id == self.run_id, PromptOutcome.iteration == shard.iteration
        )
        last = shard.first + shard.prompts
        here = query.where(col(PromptOutcome.position) >= shard.first, col(PromptOutcome.position) < last)
        return dict(self._session.exec(here).all())

    def _history(self, shard: Shard, offset: int, prompt: Prompt) -> PromptHistory:
        steps = self._steps(shard)
        own = {step.kind: step for step in steps if step.part == shard_part(shard.index)}
        position = shard.first + offset
        judged = self._at(own, StepKind.JUDGMENT, JudgedPrompt, offset)
        outcome = self._session.get(PromptOutcome, (self.run_id, shard.iteration, position))
        return PromptHistory(
            iteration=shard.iteration,
            position=position,
            shard=shard.index,
            prompt=prompt,
            steps=tuple(_fact(step) for step in steps),
            generated=self._at(own, StepKind.GENERATION, Generated, offset),
            judged=judged,
            tree=self._tree(own, prompt if judged is None else judged.prompt),
            outcome=None if outcome is None else outcome.outcome,
        )

    def _steps(self, shard: Shard) -> list[Step]:
        """The shard's own steps, then those of the whole iteration, in the order of work."""
        query = (
            select(Step)
            .where(Step.run_id == self.run_id, Step.iteration == shard.iteration)
            .where(
                (col(Step.part) == shard_part(shard.index))
                | col(Step.kind).in_([StepKind.SELECTION, StepKind.TRAINING])
            )
        )
        order = list(StepKind)
        return sorted(self._session.exec(query), key=lambda step: (order.index(step.kind), step.part))

    def _at(self, steps: dict[StepKind, Step], kind: StepKind, row_type: type[Row], offset: int) -> Row | None:
        """By place: a shard's rows keep the order of its prompts, which a policy may have given another prompt each."""
        rows = self._rows(steps, kind, row_type)
        return rows[offset] if rows else None

    def _tree(self, steps: dict[StepKind, Step], prompt: Prompt) -> Tree | None:
        """By prompt: only those with a negative have one."""
        return next(
            (tree for tree in self._rows(steps, StepKind.REFINEMENT, Tree) if tree.prompt.id == prompt.id), None
        )

    def _rows(self, steps: dict[StepKind, Step], kind: StepKind, row_type: type[Row]) -> list[Row]:
        step = steps.get(kind)
        if step is None or step.result_key is None:
            return []
        return decode_rows(get_verified(self._store, step.result_key), row_type, step.result_key)[1]


def _fact(step: Step) -> StepFact:
    return StepFact(
        kind=step.kind,
        role=step.part if step.kind is StepKind.TRAINING else "",
        state=step.state,
        attempt=step.attempt,
        reused=step.reused,
        worker=step.worker,
        seconds=facts_of(step).seconds,
        reason=step.reason,
    )
