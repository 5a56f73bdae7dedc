"""What an iteration does, decided once from a resolved recipe and the iteration's number: who does which step, with
which settings, and what is trained from what.

Pure. Knows no run: models are named by role or by the recipe's name for them, rows by where they come from; `steps`
finds both in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spar.errors import AccountingError
from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.training import Role
from spar.method.seeds import derive_seed
from spar.recipes import init
from spar.recipes.iteration_settings import IterationSettings, settings_in
from spar.recipes.models import ActorSettings, EngineSettings, Recipe
from spar.recipes.paths import INIT_SET
from spar.recipes.policies import generating_policy, judging_policy, searches, writes_refiner_data


class RowSource(StrEnum):
    """Where the rows that a model is trained on come from."""

    INIT_ACTOR = "the set of the initial actor"
    INIT_REFINER = "the set of the initial refiner"
    PAIRS = "the selected pairs of responses"
    JUDGMENT_PAIRS = "the selected pairs of judgments"
    ACTOR_EXAMPLES = "the selected responses"
    REFINER_EXAMPLES = "the selected judgments and refinements"
    INIT_SAMPLE = "a sample of the initial refiner's set"
    MIX = "the conversations that the recipe mixes in"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model that the recipe names besides the two it trains: a teacher, or a backward model."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """Which model does a shard's step, and what serves it. A role is the iteration's own model."""

    model: Role | NamedModel
    engine: EngineSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleTraining:
    """What a role is trained from: the training continues from the model that iteration `base` started with."""

    trainer: ActorSettings
    base: int
    rows: tuple[RowSource, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationPlan:
    """Everything about an iteration that is fixed before it starts."""

    index: int
    settings: IterationSettings
    seed: int
    initializes: Role | None
    """The role whose initial model the iteration trains; None in self-play."""
    given: bool
    """Whether its training set is given, so that there are no shards."""
    chain: tuple[StepKind, ...]
    """The steps that each shard goes through."""
    steps: Mapping[StepKind, StepPlan]
    generated_in: int
    """The iteration that responses are derived from: for reused texts a backward model writes the same again."""
    trainings: Mapping[Role, RoleTraining]
    refiner_data: bool
    """Whether examples for a refiner are selected."""
    judging_data: bool
    """Whether judgments are trained on in the form that they were prompted in."""


def plan_iteration(recipe: Recipe, index: int) -> IterationPlan:
    """The plan of one iteration; plans of the same recipe and number are equal."""
    settings, role = settings_in(recipe, index), init.role_of(index)
    backward = generating_policy(settings.generation.policy).backward
    return IterationPlan(
        index=index,
        settings=settings,
        seed=recipe.seed,
        initializes=role,
        given=init.is_given(recipe, index),
        chain=_chain(settings),
        steps={kind: _step(recipe, index, kind, backward) for kind in SHARD_KINDS},
        generated_in=init.FIRST if backward and recipe.prompts.reuse else index,
        trainings={
            "actor": _training(recipe, index, "actor", settings),
            "refiner": _training(recipe, index, "refiner", settings),
        },
        refiner_data=writes_refiner_data(settings) or role == "refiner",
        judging_data=_judging_data(settings, role),
    )


def _chain(settings: IterationSettings) -> tuple[StepKind, ...]:
    left_out = set()
    if settings.comparison is None:
        left_out.add(StepKind.COMPARISON)
    if not searches(settings):
        left_out.add(StepKind.REFINEMENT)
    return tuple(kind for kind in SHARD_KINDS if kind not in left_out)


def _step(recipe: Recipe, index: int, kind: StepKind, backward: bool) -> StepPlan:
    engine = init.engine_of(recipe, index, kind)
    if kind is StepKind.GENERATION and backward:
        if recipe.models.backward is None:
            raise AccountingError(f"Iteration {index} generates with a backward model, and the recipe names none.")
        return StepPlan(model=NamedModel(name=recipe.models.backward), engine=engine)
    teacher = init.teacher_of(recipe, index, kind)
    if teacher is not None:
        return StepPlan(model=NamedModel(name=teacher.model), engine=engine)
    return StepPlan(model="actor" if kind is StepKind.GENERATION else "refiner", engine=engine)


def _training(recipe: Recipe, index: int, role: Role, settings: IterationSettings) -> RoleTraining:
    return RoleTraining(
        trainer=settings.training.actor if role == "actor" else settings.training.refiner,
        base=_base(recipe, index, role, settings),
        rows=_rows(recipe, index, role, settings),
        seed=derive_seed(recipe.seed, index, "", "training", role),
    )


def _base(recipe: Recipe, index: int, role: Role, settings: IterationSettings) -> int:
    if init.role_of(index) is not None:  # each initial model is trained from a backbone
        return init.first_iteration(recipe)
    return init.FIRST if role == "actor" and settings.training.from_start else index


def _rows(recipe: Recipe, index: int, role: Role, settings: IterationSettings) -> tuple[RowSource, ...]:
    """The iteration's own rows first."""
    match init.role_of(index):
        case "actor":
            return (RowSource.INIT_ACTOR,)
        case "refiner":
            # A single model learns the first set again with the second, from its backbone: otherwise it might forget
            # the first.
            return (RowSource.INIT_REFINER, *([RowSource.INIT_ACTOR] if settings.one_model else []))
    if role == "refiner":
        return (RowSource.REFINER_EXAMPLES,)
    if settings.training.actor.method == "dpo":
        return (RowSource.PAIRS, RowSource.JUDGMENT_PAIRS)
    mix = settings.training.mix
    mixed = [] if mix is None else [RowSource.INIT_SAMPLE if mix == INIT_SET else RowSource.MIX]
    return (RowSource.ACTOR_EXAMPLES, *mixed)


def _judging_data(settings: IterationSettings, role: Role | None) -> bool:
    form = judging_policy(settings.judgment.policy).form
    taught = role == "refiner" and form not in (None, "judge")
    return settings.comparison is not None or taught
