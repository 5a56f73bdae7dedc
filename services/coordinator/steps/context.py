"""What a run's messages are built from: its rows, its plans, and the references that they contain.

Knows no kind of step. A reference to something that the database lacks is an AccountingError.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.coordinator.iteration_plan import IterationPlan, NamedModel, plan_iteration
from services.coordinator.ledger import Ledger
from spar.db.tables import Iteration, Run, Shard
from spar.errors import AccountingError
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepKind
from spar.messages.parts import shard_part
from spar.messages.training import Selected
from spar.recipes.models import EngineSettings, Recipe
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import get_verified
from spar.store.rows import decode_rows

UNASSIGNED = 0
"""Step ids are assigned when the step is stored; attempts when it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run, as its steps are built from it."""

    ledger: Ledger
    store: ObjectStore
    run: Run
    recipe: Recipe
    _plans: dict[int, IterationPlan] = field(default_factory=dict, init=False, repr=False, compare=False)

    def plan(self, iteration: int) -> IterationPlan:
        if iteration not in self._plans:
            self._plans[iteration] = plan_iteration(self.recipe, iteration)
        return self._plans[iteration]

    def iteration(self, index: int) -> Iteration:
        return self.ledger.iteration(self.run.id, index)

    def shards(self, iteration: Iteration) -> Sequence[Shard]:
        return self.ledger.shards(self.run.id, iteration.index)

    # ---- the message around a spec ----

    def envelope(
        self, spec: Spec, deadline_s: float | None = None, engine: EngineSettings | None = None
    ) -> dict[str, object]:
        return {
            "run_id": self.run.id,
            "step_id": UNASSIGNED,
            "attempt": UNASSIGNED,
            "fingerprint": spec.fingerprint(),
            "deadline_s": deadline_s or self.recipe.dispatch.step_deadline_s,
            "engine": engine or self.recipe.engine,
            "spec": spec,
        }

    @property
    def engine(self) -> EngineIdentity:
        """What serves the run's own models."""
        return EngineIdentity.of(self.recipe.engine)

    # ---- references ----

    def model_of(self, iteration: Iteration, kind: StepKind) -> ModelRef:
        """The model of the iteration's steps of this kind."""
        match self.plan(iteration.index).steps[kind].model:
            case NamedModel(name=name):
                return self.ledger.model(self.run.models[name])
            case "actor":
                return self.ledger.model(iteration.actor)
            case _:
                return self.ledger.model(iteration.refiner)

    def fingerprint(self, model: str | None) -> str:
        """Iterations name models by fingerprint; the recipe's two are registered when the run is submitted."""
        if model is None:
            raise AccountingError(f"Run {self.run.id} begins an iteration before the last one's models are there.")
        return self.run.models.get(model, model)

    @property
    def templates(self) -> ObjectRef:
        return ObjectRef(key=self.run.templates)

    def form(self, name: str | None) -> ObjectRef | None:
        """A policy's form; the judge template is no object of its own."""
        return None if name in (None, "judge") else self.input(f"form:{name}")

    def input(self, name: str) -> ObjectRef:
        """What was stored when the run was submitted."""
        if name not in self.run.inputs:
            raise AccountingError(f"Run {self.run.id} was submitted without {name}.", "Submit its recipe again.")
        return ObjectRef(key=self.run.inputs[name])

    def result_of(self, shard: Shard, kind: StepKind) -> ObjectRef:
        key = self.key_of(shard, kind)
        if key is None:
            raise AccountingError(f"Shard {shard.index} of iteration {shard.iteration} has no {kind} result.")
        return ObjectRef(key=key)

    def keys_of(self, iteration: Iteration, kind: StepKind) -> dict[str, str | None]:
        """Of all shards, by their part; empty where shards do not go through such a step."""
        if kind not in self.plan(iteration.index).chain:
            return {}
        return self.ledger.result_keys(self.run.id, iteration.index, kind)

    def key_of(self, shard: Shard, kind: StepKind) -> str | None:
        """None if the shard does not go through such a step, or has not yet."""
        if kind not in self.plan(shard.iteration).chain:
            return None
        step = self.ledger.find_step(shard.run_id, shard.iteration, kind, shard_part(shard.index))
        return None if step is None else step.result_key

    def selected(self, iteration: int) -> Selected:
        """The result of the iteration's selection. Raises ObjectLost."""
        step = self.ledger.find_step(self.run.id, iteration, StepKind.SELECTION, "")
        if step is None or step.result_key is None:
            raise AccountingError(f"Iteration {iteration} of run {self.run.id} has no selection yet.")
        key = step.result_key
        return decode_rows(reread(lambda: get_verified(self.store, key)), Selected, key)[1][0]
