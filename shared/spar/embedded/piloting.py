"""Runs a pilot in this process: some of a recipe's own shards, with its real engine, every call noted.

Its results are those of the full run, which finds them in the same home. What was noted lies in the pilot's run folder
(trace.jsonl), so that the same command again reads it instead of asking anything twice.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session, col, select

from spar.db.facts import counts_of, facts_of
from spar.db.progress import RunProgress
from spar.db.tables import Step, StoredResult
from spar.embedded.home import Home
from spar.embedded.runner import RunWatcher, submission_to_end
from spar.embedded.staging import Staged
from spar.embedded.system import EmbeddedSystem
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.counts import SelectionCounts, TrainingCounts
from spar.messages.states import StepState
from spar.messages.training import Selected, Trained
from spar.method.records import Prompt
from spar.planning.pilot import InitFacts, PilotFacts, PilotTraining, initial_prompts, pilot_prompts, pilot_recipe
from spar.recipes.init import FIRST, PROMPTS_INPUT
from spar.recipes.models import Recipe
from spar.runtime.trace import append_calls, read_calls
from spar.runtime.tracing import Tracer
from spar.store.base import ObjectStore
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows
from spar.submission.prepare import Prepared

Row = TypeVar("Row")

TRACE = "trace.jsonl"


@dataclass(frozen=True, slots=True)
class PilotRun:
    """`facts` are only there if the pilot came to its end."""

    progress: RunProgress
    facts: PilotFacts | None


def run_pilot(
    recipe: Recipe, staged: Staged, home: Home, prompts: int, train: bool, watcher: RunWatcher, stop: threading.Event
) -> PilotRun:
    """Run the pilot of a recipe whose whole run is staged, or the rest of it. The home must be locked."""
    with EmbeddedSystem(home) as system:
        staged.copy_to(system.store)
        small = _prepare(recipe, staged.prepared, system.store, prompts, train)
        run_id = small.prepared.submission.run_id
        folder = home.run_folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        tracer = Tracer(small.all_prompts)
        system.observe(tracer.observe)
        try:
            progress = submission_to_end(system, small.prepared, watcher, stop)
        finally:
            append_calls(folder / TRACE, tracer.taken())
        with Session(system.database) as session:
            selection = _selected(session, run_id) if progress.status.ended and progress.iteration == FIRST else None
            facts = None
            if selection is not None:
                facts = _facts(session, system.store, run_id, small, folder / TRACE, selection)
        return PilotRun(progress, facts)


@dataclass(frozen=True, slots=True)
class _Small:
    """A pilot as it is submitted: its recipe, and the prompts of its parts."""

    prepared: Prepared
    recipe: Recipe
    prompts: list[Prompt]
    initial: dict[int, list[Prompt]]

    @property
    def all_prompts(self) -> list[Prompt]:
        return [*self.prompts, *(prompt for mine in self.initial.values() for prompt in mine)]


def _prepare(recipe: Recipe, whole: Prepared, store: ObjectStore, wanted: int, train: bool) -> _Small:
    """The full run's submission, cut down; nothing of the full run is begun."""
    inputs = dict(whole.submission.inputs)
    chosen = pilot_prompts(_read(store, whole.submission.prompts), recipe, wanted)
    initial: dict[int, list[Prompt]] = {}
    if PROMPTS_INPUT in inputs:
        initial = initial_prompts(_read(store, inputs[PROMPTS_INPUT]), recipe, wanted)
        inputs[PROMPTS_INPUT] = _put(store, [prompt for mine in initial.values() for prompt in mine])
    small = pilot_recipe(recipe, len(chosen), train, {iteration: len(mine) for iteration, mine in initial.items()})
    mark = hashlib.sha256(f"{whole.submission.run_id} {len(chosen)} {train}".encode()).hexdigest()[:8]
    submission = whole.submission.model_copy(
        update={
            "run_id": f"{recipe.name}-pilot-{mark}",
            "recipe": json.loads(small.model_dump_json()),
            "prompts": _put(store, chosen),
            "inputs": inputs,
        }
    )
    return _Small(Prepared(submission, whole.rejects, whole.notes), small, chosen, initial)


def _read(store: ObjectStore, key: str) -> list[Prompt]:
    return decode_rows(get_verified(store, key), Prompt, key)[1]


def _put(store: ObjectStore, prompts: Sequence[Prompt]) -> str:
    return put_blob(store, "prompts", encode_rows(step="prompts", fingerprint="", rows=prompts)).key


def _selected(session: Session, run_id: str, iteration: int = FIRST) -> Step | None:
    steps = _done(session, run_id, [StepKind.SELECTION])
    return next((step for step in steps if step.iteration == iteration), None)


def _done(session: Session, run_id: str, kinds: Sequence[StepKind]) -> Sequence[Step]:
    query = select(Step).where(Step.run_id == run_id, Step.state == StepState.DONE, col(Step.kind).in_(kinds))
    return session.exec(query.order_by(col(Step.id))).all()


def _facts(
    session: Session, store: ObjectStore, run_id: str, small: _Small, trace: Path, selection: Step
) -> PilotFacts:
    return PilotFacts(
        prompts=tuple(small.prompts),
        calls=tuple(read_calls(trace)),
        result_bytes=_bytes(session, run_id, FIRST),
        pairs=_only(store, selection, Selected).pairs,
        examples=_kept(selection),
        evaluation=small.recipe.evaluation,
        trainings=tuple(_training(store, step) for step in _done(session, run_id, [StepKind.TRAINING])),
        initial={
            iteration: _initial(session, store, run_id, iteration, prompts)
            for iteration, prompts in small.initial.items()
        },
    )


def _initial(session: Session, store: ObjectStore, run_id: str, iteration: int, prompts: Sequence[Prompt]) -> InitFacts:
    selection = _selected(session, run_id, iteration)
    if selection is None:
        return InitFacts(tuple(prompts))
    responses = _only(store, selection, Selected).actor_examples
    rows = {**({"response": responses} if responses else {}), **_kept(selection)}
    return InitFacts(tuple(prompts), rows, _bytes(session, run_id, iteration))


def _bytes(session: Session, run_id: str, iteration: int) -> int:
    """Of the shards' results."""
    mine = [step.fingerprint for step in _done(session, run_id, SHARD_KINDS) if step.iteration == iteration]
    return sum(
        result.size for result in session.exec(select(StoredResult).where(col(StoredResult.fingerprint).in_(mine)))
    )


def _kept(selection: Step) -> dict[str, int]:
    """The refiner examples that a selection kept, by kind."""
    counts = counts_of(selection, SelectionCounts)
    return {kind: each.kept for kind, each in counts.examples.items()}


def _training(store: ObjectStore, step: Step) -> PilotTraining:
    """What the step took beyond its optimizer steps is loading and saving, however many they are."""
    trained = _only(store, step, Trained)
    facts = facts_of(step)
    step_s = TrainingCounts.of(facts.counts).step_seconds
    inside = 0.0 if step_s is None else step_s * trained.steps
    fixed_s = max(0.0, (facts.seconds or 0.0) - inside)
    return PilotTraining(role=step.part, steps=trained.steps, step_s=step_s, fixed_s=fixed_s, iteration=step.iteration)


def _only(store: ObjectStore, step: Step, row_type: type[Row]) -> Row:
    key = str(step.result_key)
    return decode_rows(get_verified(store, key), row_type, key)[1][0]
