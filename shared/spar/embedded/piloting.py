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

from spar.db.progress import RunProgress
from spar.db.tables import Result, Step
from spar.embedded.home import Home
from spar.embedded.runner import Watcher, submission_to_end
from spar.embedded.system import EmbeddedSystem
from spar.errors import RecipeError
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.states import StepState
from spar.messages.training import Selected, Trained
from spar.method.records import Prompt
from spar.planning.pilot import PilotFacts, PilotTraining, pilot_prompts, pilot_recipe
from spar.recipes.models import Recipe
from spar.report.build import EXAMPLES
from spar.runtime.submission import Prepared, prepare
from spar.runtime.trace import append_calls, read_calls
from spar.runtime.tracing import Tracer
from spar.store.base import ObjectStore
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows

Row = TypeVar("Row")

TRACE = "trace.jsonl"


@dataclass(frozen=True, slots=True)
class PilotRun:
    """`facts` are only there if the pilot came to its end."""

    progress: RunProgress
    facts: PilotFacts | None


def run_pilot(
    recipe: Recipe, home: Home, prompts: int, train: bool, watcher: Watcher, stop: threading.Event
) -> PilotRun:
    """Run it, or the rest of it. The home must be locked. Raises what `prepare` raises."""
    with EmbeddedSystem(home) as system:
        prepared, chosen, small = _prepare(recipe, system.store, prompts, train)
        run_id = prepared.submission.run_id
        folder = home.run_folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        tracer = Tracer(chosen)
        system.observe(tracer.observe)
        try:
            progress = submission_to_end(system, prepared, watcher, stop)
        finally:
            append_calls(folder / TRACE, tracer.taken())
        with Session(system.database) as session:
            ended = progress.status.ended and progress.iteration == 1 and _selected(session, run_id) is not None
            facts = _facts(session, system.store, run_id, chosen, small, folder / TRACE) if ended else None
        return PilotRun(progress, facts)


def _prepare(recipe: Recipe, store: ObjectStore, wanted: int, train: bool) -> tuple[Prepared, list[Prompt], Recipe]:
    """The full run's submission, cut down; nothing of the full run is begun. Raises RecipeError for one that makes its
    starting models: a pilot from the backbones would measure other models than the run's."""
    if recipe.init is not None:
        raise RecipeError(
            "A pilot needs the starting models, and this recipe makes them itself (init).",
            "Run it with budget.trainings=2 (it stops once they are made), export both, and plan with models.actor and "
            "models.refiner; `spar plan` without --pilot counts the calls of init, the teacher's apart.",
        )
    whole = prepare(recipe, store)
    _, prompts = decode_rows(get_verified(store, whole.submission.prompts), Prompt, whole.submission.prompts)
    chosen = pilot_prompts(prompts, recipe, wanted)
    small = pilot_recipe(recipe, len(chosen), train)
    key = put_blob(store, "prompts", encode_rows(step="prompts", fingerprint="", rows=chosen)).key
    mark = hashlib.sha256(f"{whole.submission.run_id} {len(chosen)} {train}".encode()).hexdigest()[:8]
    submission = whole.submission.model_copy(
        update={
            "run_id": f"{recipe.name}-pilot-{mark}",
            "recipe": json.loads(small.model_dump_json()),
            "prompts": key,
        }
    )
    return Prepared(submission, whole.rejects), chosen, small


def _selected(session: Session, run_id: str) -> Step | None:
    return next(iter(_done(session, run_id, [StepKind.SELECTION])), None)


def _done(session: Session, run_id: str, kinds: Sequence[StepKind]) -> Sequence[Step]:
    query = select(Step).where(Step.run_id == run_id, Step.state == StepState.DONE, col(Step.kind).in_(kinds))
    return session.exec(query.order_by(col(Step.id))).all()


def _facts(
    session: Session, store: ObjectStore, run_id: str, chosen: Sequence[Prompt], small: Recipe, trace: Path
) -> PilotFacts:
    [selection] = _done(session, run_id, [StepKind.SELECTION])
    fingerprints = [step.fingerprint for step in _done(session, run_id, SHARD_KINDS)]
    results = session.exec(select(Result).where(col(Result.fingerprint).in_(fingerprints)))
    return PilotFacts(
        prompts=tuple(chosen),
        calls=tuple(read_calls(trace)),
        result_bytes=sum(result.size for result in results),
        pairs=_only(store, selection, Selected).pairs,
        examples=_kept(selection.facts.get("counts", {})),
        evaluation=small.evaluation,
        trainings=tuple(_training(store, step) for step in _done(session, run_id, [StepKind.TRAINING])),
    )


def _kept(counts: dict[str, float]) -> dict[str, int]:
    """The refiner examples that a selection kept, by kind."""
    suffix = ".kept"
    return {
        name.removeprefix(EXAMPLES).removesuffix(suffix): int(number)
        for name, number in counts.items()
        if name.startswith(EXAMPLES) and name.endswith(suffix)
    }


def _training(store: ObjectStore, step: Step) -> PilotTraining:
    """What the step took beyond its optimizer steps is loading and saving, however many they are."""
    trained = _only(store, step, Trained)
    whole = float(step.facts.get("seconds", 0.0))
    each = step.facts.get("counts", {}).get("step_seconds")
    inside = 0.0 if each is None else float(each) * trained.steps
    return PilotTraining(step.part, trained.steps, None if each is None else float(each), max(0.0, whole - inside))


def _only(store: ObjectStore, step: Step, row_type: type[Row]) -> Row:
    key = str(step.result_key)
    return decode_rows(get_verified(store, key), row_type, key)[1][0]
