"""Recipes at a tiny size, run to completion in this process on the simulated engine, and their results."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from spar.db.tables import Iteration, PromptOutcome, Run, Step
from spar.embedded.home import Home
from spar.embedded.system import EmbeddedSystem
from spar.messages.base import StepKind
from spar.messages.training import Selected
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows
from spar.submission.prepare import prepare, submit
from tests.end_to_end.simulated import PATIENCE_S, write_model

PROMPTS = 12  # of each iteration
TEACHER = "served:teacher"
FOR_ACTOR, FOR_REFINER = 8, 10


@dataclass(frozen=True)
class Ran:
    """A finished run and its results."""

    run: Run
    iterations: Sequence[Iteration]
    steps: Sequence[Step]
    outcomes: Sequence[PromptOutcome]
    store: ObjectStore

    def of(self, kind: StepKind) -> list[Step]:
        return [step for step in self.steps if step.kind is kind]

    def counted(self, iteration: int) -> Counter[str]:
        return Counter(row.outcome for row in self.outcomes if row.iteration == iteration)

    def selected(self, iteration: int) -> Selected:
        [step] = [step for step in self.of(StepKind.SELECTION) if step.iteration == iteration]
        [selected] = self.rows(str(step.result_key), Selected)
        assert isinstance(selected, Selected)
        return selected

    def rows(self, key: str, row_type: type[Any]) -> list[Any]:
        return decode_rows(get_verified(self.store, key), row_type, key)[1]


def simulated_models(folder: Path) -> tuple[Path, Path]:
    return write_model(folder / "actor", "a"), write_model(folder / "refiner", "r")


def small(actor: Path, refiner: Path, iterations: int | None = None) -> list[str]:
    """Overrides that make a recipe run on simulated models, with few prompts and no evaluation."""
    return [
        *(f"models.actor={actor}", f"models.refiner={refiner}", "engine.kind=simulated", "evaluation=null"),
        *("training.actor.kind=simulated", "training.refiner.kind=simulated"),
        *(f"prompts.per_iteration={PROMPTS}", "prompts.shard_size=6"),
        *("generation.max_tokens=96", "judgment.max_tokens=96", "search.max_tokens=96"),
        *("failures.most=1", "failures.nothing_learned=continue"),  # few prompts, and models that write at random
        *([] if iterations is None else [f"iterations={iterations}"]),
    ]


def initialised(folder: Path, more: Sequence[str] = (), name: str = "story-init") -> Recipe:
    """A recipe that bootstraps its models first, from few prompts and a simulated teacher."""
    backbone = folder / "actor" if (folder / "actor").is_dir() else simulated_models(folder)[0]
    tiny = ["init.teacher.engine.kind=simulated", f"init.teacher.model={TEACHER}"]
    tiny += [f"init.prompts.actor={FOR_ACTOR}", f"init.prompts.refiner={FOR_REFINER}"]
    tiny += ["init.actor.kind=simulated", "init.refiner.kind=simulated"]
    tiny += [f"init.{name}.max_tokens=96" for name in ("generation", "responses", "judgment", "search")]
    return load_recipe(name, [*small(backbone, backbone, 1), *tiny, *more])


def run_all(recipes: Sequence[Recipe], folder: Path) -> list[Ran]:
    """Run all recipes in one home, one after the other."""
    with Home(folder).lock() as home, EmbeddedSystem(home) as system:
        submissions = [prepare(recipe, system.store).submission for recipe in recipes]
        for submission in submissions:
            submit(submission, system.database)
        for submission in submissions:
            _wait(system, submission.run_id)
        with Session(system.database, expire_on_commit=False) as session:
            return [_read(session, submission.run_id, system.store) for submission in submissions]


def _wait(system: EmbeddedSystem, run_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    ended = False
    while not ended:
        system.raise_failure()
        assert time.monotonic() < deadline, f"{run_id} does not end"
        with Session(system.database) as session:
            run = session.get(Run, run_id)
            ended = run is not None and run.status.ended
        threading.Event().wait(0.02)


def _read(session: Session, run_id: str, store: ObjectStore) -> Ran:
    def mine(table: type[Any]) -> Sequence[Any]:
        return session.exec(select(table).where(table.run_id == run_id)).all()

    return Ran(session.get_one(Run, run_id), mine(Iteration), mine(Step), mine(PromptOutcome), store)
