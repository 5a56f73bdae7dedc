"""One prompt's way through a run: what was generated, judged, searched, selected of it. Reads; sums up nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session, col, select

from spar.db.tables import Iteration, PromptOutcome, Shard, Step
from spar.errors import DataError
from spar.messages.base import StepKind
from spar.messages.states import StepState
from spar.method.records import Generated, JudgedPrompt, Prompt, Tree
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows

Row = TypeVar("Row", Generated, JudgedPrompt, Tree)


@dataclass(frozen=True, slots=True)
class StepFact:
    """A step of the prompt's shard: its state, attempts, worker and time. `prompts` share the seconds."""

    kind: StepKind
    state: StepState
    attempt: int
    reused: bool
    worker: str | None
    seconds: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class PromptHistory:
    """Everything the run knows of a prompt in one iteration; None or empty where it has not got to."""

    iteration: int
    position: int
    shard: int
    prompt: Prompt
    steps: tuple[StepFact, ...]
    generated: Generated | None
    judged: JudgedPrompt | None
    tree: Tree | None
    outcome: str | None


def prompt_histories(session: Session, store: ObjectStore, run_id: str, prompt: str) -> list[PromptHistory]:
    """The prompt in each iteration that has it. `prompt` is (the start of) its id, or its text.

    Raises DataError if there is none, or if the start fits several.
    """
    reader = _Reader(session, store, run_id)
    found = list(reader.find(prompt))
    if not found:
        raise DataError(
            f"No prompt of run {run_id} has the id or text '{prompt}'.",
            "Take an id from the report's examples, or from the table prompt_outcome.",
        )
    if len({place.prompt.id for place in found}) > 1:
        ids = sorted({place.prompt.id for place in found})
        raise DataError(f"'{prompt}' is the start of {len(ids)} ids.", f"Choose one: {', '.join(ids[:5])}.")
    return [reader.history(place) for place in found]


@dataclass(frozen=True, slots=True)
class _Place:
    shard: Shard
    offset: int
    prompt: Prompt


class _Reader:
    def __init__(self, session: Session, store: ObjectStore, run_id: str) -> None:
        self._session, self._store, self._run_id = session, store, run_id

    def find(self, wanted: str) -> Iterator[_Place]:
        for iteration in self._iterations():
            query = select(Shard).where(Shard.run_id == self._run_id, Shard.iteration == iteration)
            for shard in self._session.exec(query.order_by(col(Shard.index))):
                data = get_verified(self._store, shard.prompts_key)
                for offset, prompt in enumerate(decode_rows(data, Prompt, shard.prompts_key)[1]):
                    if prompt.id.startswith(wanted) or prompt.text == wanted:
                        yield _Place(shard, offset, prompt)

    def _iterations(self) -> list[int]:
        query = select(Iteration.index).where(Iteration.run_id == self._run_id)
        return sorted(self._session.exec(query))

    def history(self, place: _Place) -> PromptHistory:
        shard = place.shard
        steps = self._steps(shard)
        position = shard.first + place.offset
        outcome = self._session.get(PromptOutcome, (self._run_id, shard.iteration, position))
        return PromptHistory(
            iteration=shard.iteration,
            position=position,
            shard=shard.index,
            prompt=place.prompt,
            steps=tuple(_fact(step) for step in steps.values()),
            generated=self._at(steps, StepKind.GENERATION, Generated, place.offset),
            judged=self._at(steps, StepKind.JUDGMENT, JudgedPrompt, place.offset),
            tree=self._tree(steps, place.prompt),
            outcome=None if outcome is None else outcome.outcome,
        )

    def _steps(self, shard: Shard) -> dict[StepKind, Step]:
        """The shard's own steps, then those of the whole iteration, in the order of work."""
        query = (
            select(Step)
            .where(Step.run_id == self._run_id, Step.iteration == shard.iteration)
            .where((col(Step.part) == str(shard.index)) | col(Step.kind).in_([StepKind.SELECTION, StepKind.TRAINING]))
        )
        order = list(StepKind)
        rows = sorted(self._session.exec(query), key=lambda step: (order.index(step.kind), step.part))
        return {step.kind: step for step in rows}

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
        state=step.state,
        attempt=step.attempt,
        reused=step.reused,
        worker=step.worker,
        seconds=step.facts.get("seconds"),
        reason=step.reason,
    )
