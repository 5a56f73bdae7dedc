"""Turns "this step of this run" into the message a worker gets: what determines the result, and nothing else.

Reads the ledger for the inputs; decides nothing about order.
"""

import hashlib
from dataclasses import dataclass

from services.coordinator.flow import Role
from services.coordinator.ledger import Ledger, chain_of
from spar.db.tables import Iteration, Run, Shard
from spar.errors import AccountingError
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepKind, StepMessage
from spar.messages.evaluation import BenchmarkSpec, Evaluate, EvaluationSpec, Part
from spar.messages.generation import Generate, GenerationSpec
from spar.messages.judgment import Judge, JudgmentSpec
from spar.messages.refinement import Refine, RefinementSpec
from spar.messages.training import LengthLimit, Select, SelectionSpec, ShardResults, Train, TrainingSpec
from spar.method.seeds import derive_seed
from spar.recipes.benchmarks import USES, asking_of, planned, suite_of
from spar.recipes.models import BenchmarkSettings, EngineSettings, Recipe
from spar.recipes.paths import STORED
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows

NOT_YET = 0
"""Step ids are given when the step is stored; attempts when it is sent."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes messages for one run."""

    ledger: Ledger
    store: ObjectStore
    run: Run
    recipe: Recipe

    def shard_step(self, kind: StepKind, shard: Shard) -> StepMessage:
        iteration = self.ledger.iteration(self.run.id, shard.iteration)
        match kind:
            case StepKind.GENERATION:
                return Generate.model_validate(self._envelope(self._generation(iteration, shard)))
            case StepKind.JUDGMENT:
                return Judge.model_validate(self._envelope(self._judgment(iteration, shard)))
            case StepKind.REFINEMENT:
                return Refine.model_validate(self._envelope(self._refinement(iteration, shard)))
            case _:
                raise AccountingError(f"{kind} is not a step of a shard.")

    def _generation(self, iteration: Iteration, shard: Shard) -> GenerationSpec:
        return GenerationSpec(
            model=self.ledger.model(iteration.actor),
            engine=self._engine,
            sampling=self.recipe.generation,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            prompts=ObjectRef(key=shard.prompts_key),
        )

    def _judgment(self, iteration: Iteration, shard: Shard) -> JudgmentSpec:
        return JudgmentSpec(
            model=self.ledger.model(iteration.refiner),
            engine=self._engine,
            templates=self._templates,
            judgment=self.recipe.judgment,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            generated=self._result_of(shard, StepKind.GENERATION),
        )

    def _refinement(self, iteration: Iteration, shard: Shard) -> RefinementSpec:
        return RefinementSpec(
            model=self.ledger.model(iteration.refiner),
            engine=self._engine,
            templates=self._templates,
            judgment=self.recipe.judgment,
            search=self.recipe.search,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            judged=self._result_of(shard, StepKind.JUDGMENT),
        )

    def selection(self, iteration: Iteration) -> Select:
        rows = [
            ShardResults(
                prompts=shard.prompts_key,
                judged=self._key_of(shard, StepKind.JUDGMENT),
                trees=self._key_of(shard, StepKind.REFINEMENT),
            )
            for shard in self.ledger.shards(self.run.id, iteration.index)
        ]
        data = encode_rows(step="selection_inputs", fingerprint="", rows=rows)
        spec = SelectionSpec(
            actor=self.ledger.model(iteration.actor),
            refiner=self.ledger.model(iteration.refiner),
            templates=self._templates,
            selection=self.recipe.selection,
            actor_limit=LengthLimit.of(self.recipe.training.actor),
            refiner_limit=LengthLimit.of(self.recipe.training.refiner),
            seed=self.recipe.seed,
            iteration=iteration.index,
            inputs=ObjectRef(key=put_blob(self.store, "inputs", data).key),
        )
        return Select.model_validate(self._envelope(spec))

    def training(self, iteration: Iteration, role: Role, rows_key: str) -> Train:
        plan = self.recipe.training
        spec = TrainingSpec(
            role=role,
            base=self.ledger.model(iteration.actor if role == "actor" else iteration.refiner),
            trainer=plan.actor if role == "actor" else plan.refiner,
            seed=derive_seed(self.recipe.seed, iteration.index, "", "training", role),
            rows=ObjectRef(key=rows_key),
        )
        return Train.model_validate(self._envelope(spec, self.recipe.dispatch.training_deadline_s))

    def evaluation(self, part: Part, model: ModelRef | None, pairs_key: str | None) -> Evaluate:
        if self.recipe.evaluation is None:
            raise AccountingError(f"Run {self.run.id} has no evaluation in its recipe.")
        spec = EvaluationSpec(
            part=part,
            model=model,
            engine=self._engine,
            templates=self._templates,
            evaluation=suite_of(self.recipe.evaluation),
            seed=self.recipe.evaluation.seed,
            pairs=None if pairs_key is None else ObjectRef(key=pairs_key),
        )
        return Evaluate.model_validate(self._envelope(spec))

    @property
    def measures_suite(self) -> bool:
        return self.recipe.evaluation is not None and self.recipe.evaluation.suite != "none"

    def benchmarks(self, part: Part, model: ModelRef, refiner: ModelRef) -> dict[str, Evaluate]:
        """The recipe's benchmarks that measure this part, by name; `refiner` searches for those that search."""
        named = {
            name: settings for name, settings in planned(self.recipe.evaluation).items() if USES[name].part == part
        }
        return {name: self._benchmark(name, settings, model, refiner) for name, settings in named.items()}

    def _benchmark(self, name: str, settings: BenchmarkSettings, model: ModelRef, refiner: ModelRef) -> Evaluate:
        judge = None
        if settings.judge is not None:
            served = f"served:{settings.judge.model}"
            judge = ModelRef(fingerprint=hashlib.sha256(served.encode()).hexdigest(), location=served)
        spec = BenchmarkSpec(
            benchmark=name,
            model=model,
            refiner=refiner if settings.strategy != "actor" else None,
            judge=judge,
            engine=self._engine,
            templates=self._templates,
            asking=asking_of(settings),
            seed=self.recipe.evaluation.seed if self.recipe.evaluation else 0,
            data=ObjectRef(key=settings.data.removeprefix(STORED)) if settings.data.startswith(STORED) else None,
        )
        place = None if settings.judge is None else EngineSettings(kind="openai", url=settings.judge.url)
        return Evaluate.model_validate({**self._envelope(spec), "judge": place})

    def _envelope(self, spec: Spec, deadline_s: float | None = None) -> dict[str, object]:
        return {
            "run_id": self.run.id,
            "step_id": NOT_YET,
            "attempt": NOT_YET,
            "fingerprint": spec.fingerprint(),
            "deadline_s": deadline_s or self.recipe.dispatch.step_deadline_s,
            "engine": self.recipe.engine,
            "spec": spec,
        }

    @property
    def _engine(self) -> EngineIdentity:
        return EngineIdentity.of(self.recipe.engine)

    @property
    def _templates(self) -> ObjectRef:
        return ObjectRef(key=self.run.templates)

    def _result_of(self, shard: Shard, kind: StepKind) -> ObjectRef:
        key = self._key_of(shard, kind)
        if key is None:
            raise AccountingError(f"Shard {shard.index} of iteration {shard.iteration} has no {kind} result.")
        return ObjectRef(key=key)

    def _key_of(self, shard: Shard, kind: StepKind) -> str | None:
        if kind not in chain_of(self.recipe):
            return None
        step = self.ledger.find_step(shard.run_id, shard.iteration, kind, str(shard.index))
        return None if step is None else step.result_key
