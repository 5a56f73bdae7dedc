"""A coordinator with a recording broker, real tables and a real store, and a worker played by hand."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.tables import Run, Step, StepCount, utc_now
from spar.messages.coordinator import FailureReason, StepFailed, StepFinished, StepStarted, StepUsage
from spar.messages.counts import ShardCounts
from spar.messages.training import PromptEnd, Selected
from spar.method.records import Outcome, Pair, Prompt
from spar.recipes.models import Recipe
from spar.store.directory import DirectoryStore
from spar.store.results import put_blob, put_result
from spar.store.rows import encode_rows
from spar.submission.prepare import prepare, submit
from spar.testing.broker import RecordingBroker

NOTHING_EXPIRES = CoordinatorLimits(window=100, lease=timedelta(hours=1), lost=timedelta(hours=1))


PAIR_AND_GOOD = ("pair", *["all_good"] * 5)
"""How the six prompts of an iteration end, if a test does not say."""


USAGE = StepUsage(calls=2, prompt_tokens=3, completion_tokens=4)
"""What a step takes, if a test does not say."""


class Stage:
    """A coordinator, its broker, and a worker played by hand."""

    def __init__(self, folder: Path, limits: CoordinatorLimits = NOTHING_EXPIRES) -> None:
        self.store = DirectoryStore(folder / "store")
        self.database: Engine = open_database(f"sqlite:///{folder / 'spar.db'}")
        migrate(self.database)
        self.broker = RecordingBroker()
        self.limits = limits
        self.folder = folder
        self.later = timedelta(0)
        """How far the coordinator's clock is ahead."""
        self.restart()

    def restart(self) -> None:
        self.coordinator = Coordinator(
            self.database, self.store, self.broker, self.limits, lambda: utc_now() + self.later
        )

    def pass_time(self, minutes: float, looks: int = 1) -> None:
        """Let time go by for the coordinator, which looks so many times meanwhile."""
        for _ in range(looks):
            self.later += timedelta(minutes=minutes / looks)
            self.coordinator.tick()

    def submit(self, **changes: Any) -> str:
        model = self.folder / "model"
        model.mkdir(exist_ok=True)
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes(b"")
        recipe = Recipe.model_validate(
            {
                "name": "test",
                "iterations": 1,
                "models": {"actor": str(model), "refiner": str(model)},
                "prompts": {"source": "world:story", "per_iteration": 6, "shard_size": 2},
                "failures": {"canary": False, "most": 1.0, "dead_shards": 1.0, "nothing_learned": "continue"},
                **changes,
            }
        )
        submission = prepare(recipe, self.store).submission
        submit(submission, self.database)
        self.coordinator.tick()
        return submission.run_id

    def take(self, queue: str = "generation") -> dict[str, Any]:
        message = self.broker.take(queue)
        self.report(StepStarted(step_id=message["step_id"], attempt=message["attempt"], worker="w"))
        return message

    def finish(
        self,
        message: dict[str, Any],
        key: str = "results/x/aa",
        unusable: int | None = None,
        usage: StepUsage = USAGE,
    ) -> None:
        self.report(self.finished(message, key, unusable, usage))

    def finished(
        self,
        message: dict[str, Any],
        key: str = "results/x/aa",
        unusable: int | None = None,
        usage: StepUsage = USAGE,
    ) -> StepFinished:
        return StepFinished(
            step_id=message["step_id"],
            attempt=message["attempt"],
            worker="w",
            fingerprint=message["fingerprint"],
            key=key,
            size=1,
            seconds=1.0,
            usage=usage,
            counts=ShardCounts(unusable=unusable).flat(),
        )

    def put_selection(self, message: dict[str, Any], seed: str = "", outcomes: Sequence[str] = PAIR_AND_GOOD) -> str:
        """A selection's result with everything that it points at, as the training service stores it; its key."""

        def put(prefix: str, rows: list[Any]) -> str:
            return put_blob(self.store, prefix, encode_rows(step=prefix, fingerprint="", rows=rows)).key

        pair = Pair(prompt=Prompt.of(f"a prompt {seed}"), chosen="chosen", rejected="rejected")
        ends = put(
            "outcomes", [PromptEnd(prompt_id=str(n), outcome=Outcome(outcome)) for n, outcome in enumerate(outcomes)]
        )
        pairs = [pair] * list(outcomes).count("pair")
        examples = [Prompt.of("an example")] if pairs else []
        selected = Selected(
            pairs_key=put("pairs", pairs),
            pairs=len(pairs),
            examples_key=put("examples", examples),
            examples=len(examples),
            outcomes_key=ends,
        )
        data = encode_rows(step="select", fingerprint=message["fingerprint"], rows=[selected])
        return put_result(self.store, message["fingerprint"], data).key

    def fail(
        self, message: dict[str, Any], reason: str = "DeadlineExceeded", retry: bool = True, lost: str | None = None
    ) -> None:
        self.report(
            StepFailed(
                step_id=message["step_id"],
                attempt=message["attempt"],
                worker="w",
                reason=FailureReason(reason),
                error="why",
                retry=retry,
                lost=lost,
            )
        )

    def report(self, report: Any) -> None:
        self.coordinator.handle(report)

    def steps(self, kind: str = "generation") -> list[Step]:
        with Session(self.database) as session:
            return [step for step in session.exec(select(Step).order_by(Step.id)) if step.kind == kind]  # type: ignore[arg-type]

    def rows(self, table: type[Any]) -> list[Any]:
        with Session(self.database) as session:
            return list(session.exec(select(table)).all())

    def run_row(self) -> Run:
        [run] = self.rows(Run)
        assert isinstance(run, Run)
        return run

    def check_counters(self) -> None:
        counted: dict[tuple[Any, ...], int] = {}
        for step in self.rows(Step):
            key = (step.run_id, step.iteration, step.kind, step.state)
            counted[key] = counted.get(key, 0) + 1
        kept = {
            (row.run_id, row.iteration, row.kind, row.state): row.count for row in self.rows(StepCount) if row.count
        }
        assert counted == kept
