"""Turns "this step of this run" into the message a worker gets: what determines the result, and nothing else.

Reads the ledger for the inputs; decides nothing about order.
"""

from dataclasses import dataclass

from services.coordinator.ledger import Ledger
from services.coordinator.mixing import sample_of
from services.coordinator.outside_judges import judge_engine, judge_model
from services.coordinator.snapshot import chain_of
from spar.db.tables import Iteration, Run, Shard
from spar.errors import AccountingError
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepKind, StepMessage
from spar.messages.evaluation import (
    BENCHMARK_REVISION,
    BENCHMARK_REVISIONS,
    AuditedRows,
    BenchmarkSpec,
    Evaluate,
    EvaluationSpec,
    GeneralSpec,
    JudgeAuditSpec,
    Part,
)
from spar.messages.generation import Generate, GenerationSpec
from spar.messages.judgment import Compare, ComparisonSpec, Judge, JudgmentSpec
from spar.messages.parts import shard_part
from spar.messages.refinement import Refine, RefinementSpec
from spar.messages.training import (
    TRAINING_REVISIONS,
    JudgingRef,
    LengthLimit,
    Role,
    Select,
    Selected,
    SelectionSpec,
    ShardComparisons,
    ShardResults,
    Train,
    TrainingSpec,
)
from spar.method.seeds import derive_seed
from spar.recipes import init
from spar.recipes.benchmarks import LLMBAR, RATED_BY_LAST, REFINEMENT, USES, measurements, planned, suite_of
from spar.recipes.general import general_of, general_parts
from spar.recipes.models import AskSettings, BenchmarkSettings, EngineSettings, Recipe, TrainingPlan
from spar.recipes.paths import INIT_SET, STORED
from spar.recipes.policies import COMPARE, generating_policy, judging_policy, writes_refiner_data
from spar.recipes.stages import at
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows

NOT_YET = 0
"""Step ids are given when the step is stored; attempts when it is sent."""


@dataclass(frozen=True, slots=True)
class StepBuilder:
    """Makes messages for one run."""

    ledger: Ledger
    store: ObjectStore
    run: Run
    recipe: Recipe

    def shard_step(self, kind: StepKind, shard: Shard) -> StepMessage:
        iteration = self.ledger.iteration(self.run.id, shard.iteration)
        engine = init.engine_of(self.recipe, iteration.index, kind)
        match kind:
            case StepKind.GENERATION:
                return Generate.model_validate(self._envelope(self._generation(iteration, shard), engine=engine))
            case StepKind.JUDGMENT:
                return Judge.model_validate(self._envelope(self._judgment(iteration, shard), engine=engine))
            case StepKind.COMPARISON:
                return Compare.model_validate(self._envelope(self._comparison(iteration, shard), engine=engine))
            case StepKind.REFINEMENT:
                return Refine.model_validate(self._envelope(self._refinement(iteration, shard), engine=engine))
            case _:
                raise AccountingError(f"{kind} is not a step of a shard.")

    def _generation(self, iteration: Iteration, shard: Shard) -> GenerationSpec:
        settings = at(self.recipe, iteration.index).generation
        policy = generating_policy(settings.policy)
        return GenerationSpec(
            model=self._backward if policy.backward else self._asked(iteration, StepKind.GENERATION),
            engine=self._engine_of(iteration, StepKind.GENERATION),
            sampling=settings,
            seed=self.recipe.seed,
            # A backward model is never trained: what it wrote for texts that are reused is its result still.
            iteration=init.FIRST if policy.backward and self.recipe.prompts.reuse else shard.iteration,
            prompts=ObjectRef(key=shard.prompts_key),
            form=self._form(policy.form),
        )

    def _judgment(self, iteration: Iteration, shard: Shard) -> JudgmentSpec:
        settings = at(self.recipe, iteration.index).judgment
        policy = judging_policy(settings.policy)
        return JudgmentSpec(
            model=self._asked(iteration, StepKind.JUDGMENT),
            engine=self._engine_of(iteration, StepKind.JUDGMENT),
            templates=self._templates,
            judgment=settings,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            generated=self._result_of(shard, StepKind.GENERATION),
            form=self._form(policy.form),
            checkers=self._input("checkers") if policy.form is None and not policy.asks_nobody else None,
        )

    def _comparison(self, iteration: Iteration, shard: Shard) -> ComparisonSpec:
        settings, form = at(self.recipe, iteration.index), self._form(COMPARE)
        if settings.comparison is None or form is None:
            raise AccountingError(f"Iteration {iteration.index} of run {self.run.id} compares no judgments.")
        return ComparisonSpec(
            model=self.ledger.model(iteration.refiner),
            engine=self._engine,
            form=form,
            judgment=settings.judgment,
            comparison=settings.comparison,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            judged=self._result_of(shard, StepKind.JUDGMENT),
        )

    def _refinement(self, iteration: Iteration, shard: Shard) -> RefinementSpec:
        return RefinementSpec(
            model=self._asked(iteration, StepKind.REFINEMENT),
            engine=self._engine_of(iteration, StepKind.REFINEMENT),
            templates=self._templates,
            judgment=at(self.recipe, iteration.index).judgment,
            search=at(self.recipe, iteration.index).search,
            seed=self.recipe.seed,
            iteration=shard.iteration,
            judged=self._result_of(shard, StepKind.JUDGMENT),
        )

    def selection(self, iteration: Iteration) -> Select:
        settings = at(self.recipe, iteration.index)
        spec = SelectionSpec(
            actor=self.ledger.model(iteration.actor),
            refiner=self.ledger.model(iteration.refiner),
            templates=self._templates,
            selection=settings.selection,
            actor_limit=LengthLimit.of(settings.training.actor) if settings.training.trains else None,
            refiner_limit=LengthLimit.of(settings.training.refiner) if settings.training.trains else None,
            seed=self.recipe.seed,
            iteration=iteration.index,
            inputs=self._shard_results(iteration),
            judging=self._judging(settings) if self._learns_judging(iteration, settings) else None,
            compared=self._compared(iteration) if settings.comparison is not None else None,
            refiner_data=writes_refiner_data(settings) or init.role_of(iteration.index) == "refiner",
            measured=self._input("measured") if "measured" in self.run.inputs else None,
        )
        return Select.model_validate(self._envelope(spec))

    def _learns_judging(self, iteration: Iteration, settings: Recipe) -> bool:
        """Whether judgments are trained on in the form that they were asked for with: pairs of them, or a teacher's."""
        form = judging_policy(settings.judgment.policy).form
        taught = init.role_of(iteration.index) == "refiner" and form not in (None, "judge")
        return settings.comparison is not None or taught

    def _shard_results(self, iteration: Iteration) -> ObjectRef:
        rows = [
            ShardResults(
                prompts=shard.prompts_key,
                judged=self._key_of(shard, StepKind.JUDGMENT),
                trees=self._key_of(shard, StepKind.REFINEMENT),
            )
            for shard in self.ledger.shards(self.run.id, iteration.index)
        ]
        data = encode_rows(step="selection_inputs", fingerprint="", rows=rows)
        return ObjectRef(key=put_blob(self.store, "inputs", data).key)

    def _judging(self, settings: Recipe) -> JudgingRef:
        form = self._form(judging_policy(settings.judgment.policy).form)
        return JudgingRef(judgment=settings.judgment, form=form, comparison=settings.comparison)

    def _compared(self, iteration: Iteration) -> ObjectRef:
        shards = self.ledger.shards(self.run.id, iteration.index)
        rows = [ShardComparisons(self._key_of(shard, StepKind.COMPARISON)) for shard in shards]
        data = encode_rows(step="selection_inputs", fingerprint="", rows=rows)
        return ObjectRef(key=put_blob(self.store, "inputs", data).key)

    def selected(self, iteration: int) -> Selected:
        """What the iteration's selection came to. Raises ObjectLost."""
        step = self.ledger.find_step(self.run.id, iteration, StepKind.SELECTION, "")
        if step is None or step.result_key is None:
            raise AccountingError(f"Iteration {iteration} of run {self.run.id} has no selection yet.")
        key = step.result_key
        return decode_rows(reread(lambda: get_verified(self.store, key)), Selected, key)[1][0]

    def training_of(self, iteration: Iteration, role: Role) -> Train:
        return self.training(iteration, role, *self._rows_of(iteration, role))

    def _rows_of(self, iteration: Iteration, role: Role) -> list[str]:
        """The keys of what the role is trained on, the iteration's own first."""
        settings = at(self.recipe, iteration.index)
        made = init.role_of(iteration.index)
        if made is not None:
            # One model learns the first set again with the second, beginning anew: else it might forget it.
            before = self.initial_rows(init.ACTOR) if settings.models.shared and made == "refiner" else []
            return [*self.initial_rows(iteration.index), *before]
        selected = self.selected(iteration.index)
        if role == "refiner":
            return [selected.examples_key]
        if settings.training.actor.method == "dpo":
            more = [selected.judge_pairs_key] if selected.judge_pairs_key is not None else []
            return [selected.pairs_key, *more] if selected.pairs else more
        own = [selected.actor_examples_key] if selected.actor_examples_key is not None else []
        return [*own, *self._mixed(settings.training)]

    def _mixed(self, plan: TrainingPlan) -> list[str]:
        if plan.mix == INIT_SET:
            made = self.initial_rows(init.REFINER)
            return [sample_of(self.store, key, plan.mix_rows, self.recipe.seed) for key in made]
        return [] if plan.mix is None else [self._input("mix").key]

    def initial_rows(self, iteration: int) -> list[str]:
        """The set of a starting model's iteration: given, or selected there. None if nothing was."""
        role = init.role_of(iteration)
        if role is not None and init.is_given(self.recipe, iteration):
            return [self._input(init.data_input(role)).key]
        selected = self.selected(iteration)
        key = selected.actor_examples_key if role == "actor" else selected.examples_key
        return [key] if key is not None else []

    def training(self, iteration: Iteration, role: Role, rows_key: str, *more: str) -> Train:
        plan = at(self.recipe, iteration.index).training
        trainer = plan.actor if role == "actor" else plan.refiner
        spec = TrainingSpec(
            revision=TRAINING_REVISIONS[trainer.method],
            role=role,
            base=self.base_of(iteration, role),
            trainer=trainer,
            seed=derive_seed(self.recipe.seed, iteration.index, "", "training", role),
            rows=ObjectRef(key=rows_key),
            more=tuple(ObjectRef(key=key) for key in more),
        )
        return Train.model_validate(self._envelope(spec, self.recipe.dispatch.training_deadline_s))

    def base_of(self, iteration: Iteration, role: Role) -> ModelRef:
        """The model that a training goes on from: the iteration's, or the one that the run began with."""
        if init.role_of(iteration.index) is not None:  # each starting model is made of a backbone
            first = self.ledger.iteration(self.run.id, init.first_iteration(self.recipe))
            return self.ledger.model(first.actor if role == "actor" else first.refiner)
        if role == "actor" and at(self.recipe, iteration.index).training.from_start:
            return self.ledger.model(self.ledger.iteration(self.run.id, init.FIRST).actor)
        return self.ledger.model(iteration.actor if role == "actor" else iteration.refiner)

    def audit(self, iteration: int) -> Evaluate:
        """Have the iteration's rows for the actor checked by rules: its pairs, or its examples of responses."""
        selected = self.selected(iteration)
        if selected.actor_examples_key is not None:
            return self.evaluation("pairs", None, selected.actor_examples_key, "examples")
        return self.evaluation("pairs", None, selected.pairs_key)

    def evaluation(
        self, part: Part, model: ModelRef | None, pairs_key: str | None, rows: AuditedRows = "pairs"
    ) -> Evaluate:
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
            rows=rows,
        )
        return Evaluate.model_validate(self._envelope(spec))

    @property
    def measures_suite(self) -> bool:
        return self.recipe.evaluation is not None and self.recipe.evaluation.suite != "none"

    def benchmarks(self, part: Part, model: ModelRef, refiner: ModelRef) -> dict[str, Evaluate]:
        """What the recipe's benchmarks measure of this part, by name; `refiner` searches for those that search."""
        return {
            measured: self._benchmark(
                name, settings, asking, model, refiner if part == "actor" and asking.strategy != "actor" else None
            )
            for name, settings in planned(self.recipe.evaluation).items()
            if USES[name].part == part
            for measured, asking in measurements(name, settings).items()
        } | (self._general(model) if part == "actor" else {})

    def _general(self, model: ModelRef) -> dict[str, Evaluate]:
        """What lm-eval measures of the actor, by the measurement's name."""
        settings = general_of(self.recipe.evaluation)
        if settings is None or self.recipe.evaluation is None:
            return {}
        specs = {
            part: GeneralSpec(
                task=task,
                model=model,
                engine=self._engine,
                limit=settings.limit,
                max_tokens=settings.max_tokens,
                seed=self.recipe.evaluation.seed,
                data=_stored(settings.data),
            )
            for part, task in general_parts(settings).items()
        }
        return {part: Evaluate.model_validate(self._envelope(spec)) for part, spec in specs.items()}

    def rated_by(self, rater: ModelRef, model: ModelRef) -> dict[str, Evaluate]:
        """Have the last iteration's refiner rate what an earlier one refines, by the measurement's name; empty where
        the recipe does not measure refinements."""
        settings = planned(self.recipe.evaluation).get(REFINEMENT)
        if settings is None:
            return {}
        alone = settings.model_copy(update={"judge": None, "strategy": ("actor",)})
        [asking] = measurements(REFINEMENT, alone).values()
        return {RATED_BY_LAST: self._benchmark(REFINEMENT, alone, asking, model, None, rater)}

    def judge_audit(self, iteration: Iteration) -> Evaluate:
        """Rules audit what the refiner judged in an iteration."""
        settings = self.recipe.judge_audit
        if settings is None:
            raise AccountingError(f"Run {self.run.id} has no section judge_audit in its recipe.")
        rules, asked = self.run.inputs.get("rules"), settings.judge is not None
        spec = JudgeAuditSpec(
            inputs=self._shard_results(iteration),
            rules=None if rules is None else ObjectRef(key=rules),
            prompts=settings.prompts,
            seed=self.recipe.seed,
            iteration=iteration.index,
            judge=judge_model(settings.judge),
            templates=self._templates if asked else None,
            judge_tokens=settings.judge_tokens if asked else None,
        )
        return Evaluate.model_validate({**self._envelope(spec), "judge": judge_engine(settings.judge)})

    def _benchmark(
        self,
        name: str,
        settings: BenchmarkSettings,
        asking: AskSettings,
        model: ModelRef,
        refiner: ModelRef | None,
        rater: ModelRef | None = None,
    ) -> Evaluate:
        judgment = self.recipe.judgment
        scores = name == LLMBAR and judging_policy(judgment.policy).form not in (None, "judge")
        spec = BenchmarkSpec(
            revision=BENCHMARK_REVISIONS.get(name, BENCHMARK_REVISION),
            benchmark=name,
            model=model,
            refiner=refiner,
            judge=judge_model(settings.judge),
            engine=self._engine,
            templates=self._templates,
            asking=asking,
            seed=self.recipe.evaluation.seed if self.recipe.evaluation else 0,
            data=_stored(settings.data),
            rater=rater,
            policy=judgment.policy if scores else "verdict",
            options=judgment.options if scores else {},
            form=self._form(judging_policy(judgment.policy).form) if scores else None,
        )
        return Evaluate.model_validate({**self._envelope(spec), "judge": judge_engine(settings.judge)})

    def _envelope(
        self, spec: Spec, deadline_s: float | None = None, engine: EngineSettings | None = None
    ) -> dict[str, object]:
        return {
            "run_id": self.run.id,
            "step_id": NOT_YET,
            "attempt": NOT_YET,
            "fingerprint": spec.fingerprint(),
            "deadline_s": deadline_s or self.recipe.dispatch.step_deadline_s,
            "engine": engine or self.recipe.engine,
            "spec": spec,
        }

    @property
    def _engine(self) -> EngineIdentity:
        return EngineIdentity.of(self.recipe.engine)

    def _engine_of(self, iteration: Iteration, kind: StepKind) -> EngineIdentity:
        return EngineIdentity.of(init.engine_of(self.recipe, iteration.index, kind))

    def _asked(self, iteration: Iteration, kind: StepKind) -> ModelRef:
        """The iteration's own model, or while the starting models are made their teacher."""
        teacher = init.teacher_of(self.recipe, iteration.index, kind)
        if teacher is not None:
            return self.ledger.model(self.run.models[teacher.model])
        return self.ledger.model(iteration.actor if kind is StepKind.GENERATION else iteration.refiner)

    @property
    def _backward(self) -> ModelRef:
        name = self.recipe.models.backward
        if name is None:
            raise AccountingError(f"Run {self.run.id} has no backward model to ask.")
        return self.ledger.model(self.run.models[name])

    def _form(self, name: str | None) -> ObjectRef | None:
        """A policy's form; the judge template is no object of its own."""
        return None if name in (None, "judge") else self._input(f"form:{name}")

    def _input(self, name: str) -> ObjectRef:
        if name not in self.run.inputs:
            raise AccountingError(f"Run {self.run.id} was submitted without {name}.", "Submit its recipe again.")
        return ObjectRef(key=self.run.inputs[name])

    @property
    def _templates(self) -> ObjectRef:
        return ObjectRef(key=self.run.templates)

    def _result_of(self, shard: Shard, kind: StepKind) -> ObjectRef:
        key = self._key_of(shard, kind)
        if key is None:
            raise AccountingError(f"Shard {shard.index} of iteration {shard.iteration} has no {kind} result.")
        return ObjectRef(key=key)

    def _key_of(self, shard: Shard, kind: StepKind) -> str | None:
        if kind not in chain_of(at(self.recipe, shard.iteration)):
            return None
        step = self.ledger.find_step(shard.run_id, shard.iteration, kind, shard_part(shard.index))
        return None if step is None else step.result_key


def _stored(data: str | None) -> ObjectRef | None:
    """A benchmark's files in the store; None where the story world makes them, or lm-eval gets them itself."""
    return ObjectRef(key=data.removeprefix(STORED)) if data is not None and data.startswith(STORED) else None
