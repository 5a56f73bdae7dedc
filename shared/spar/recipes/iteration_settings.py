"""The settings that hold in one iteration: of the recipe, of a stage that names it, or of the initialisation.

Pure: a resolved recipe and an iteration's number come in. Who does which step with them is the coordinator's plan.
"""

from dataclasses import dataclass, replace
from typing import Literal

from spar.recipes.init import FIRST, VERDICTS, role_of
from spar.recipes.models import (
    ComparisonSettings,
    GenerationSettings,
    InitSettings,
    JudgmentSettings,
    Recipe,
    SearchSettings,
    SelectionSettings,
    Stage,
    TrainingPlan,
)

SECTIONS = ("generation", "judgment", "search", "selection", "training", "comparison")
"""What a stage may set otherwise."""
NO_JUDGMENT = JudgmentSettings(policy="unjudged", votes=1, quorum=1)

RefinerFate = Literal["trained", "kept", "shared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationSettings:
    """The sections of a recipe as they are in one iteration; equal ones make equal iterations."""

    generation: GenerationSettings
    judgment: JudgmentSettings
    search: SearchSettings
    selection: SelectionSettings
    training: TrainingPlan
    comparison: ComparisonSettings | None
    one_model: bool
    """Whether actor and refiner are the same model."""

    @property
    def refiner_fate(self) -> RefinerFate:
        """What the iteration makes of its refiner: trains it, keeps it as it is, or shares the actor's next model."""
        if self.one_model:
            return "shared"
        return "trained" if self.training.trains and self.training.train_refiner else "kept"


def settings_in(recipe: Recipe, iteration: int) -> IterationSettings:
    """What holds in this iteration; before the first of self-play it initialises a model, if the recipe does."""
    role = role_of(iteration)
    if recipe.init is not None and role is not None:
        own = base_settings(recipe)
        return _for_actor(own, recipe.init) if role == "actor" else _for_refiner(own, recipe.init)
    stages = recipe.stages if iteration >= FIRST else ()
    stage = next((stage for stage in stages if iteration in stage.iterations), None)
    return base_settings(recipe) if stage is None else _staged(recipe, stage)


def base_settings(recipe: Recipe) -> IterationSettings:
    """What holds in every iteration that no stage names."""
    return IterationSettings(
        **{name: getattr(recipe, name) for name in SECTIONS},
        one_model=recipe.models.shared,
    )


def every_settings(recipe: Recipe) -> list[IterationSettings]:
    """Each way in which an iteration of self-play may be set, the recipe's own first."""
    return [base_settings(recipe), *(_staged(recipe, stage) for stage in recipe.stages)]


def _staged(recipe: Recipe, stage: Stage) -> IterationSettings:
    changed = {name: section for name in SECTIONS if (section := getattr(stage, name)) is not None}
    settings = replace(base_settings(recipe), **changed)
    return settings if stage.compares else replace(settings, comparison=None)


def _for_actor(own: IterationSettings, init: InitSettings) -> IterationSettings:
    return replace(
        own,
        generation=init.generation,
        judgment=NO_JUDGMENT,
        selection=SelectionSettings(pairs="given"),
        training=TrainingPlan(actor=init.actor, refiner=init.refiner, train_refiner=False),
        comparison=None,
    )


def _for_refiner(own: IterationSettings, init: InitSettings) -> IterationSettings:
    # Judgments and refinements are learned, or judgments alone where no search can go by the policy.
    pairs = "lessons" if init.judgment.policy == VERDICTS else "judged"
    return replace(
        own,
        generation=init.responses,
        judgment=init.judgment,
        search=init.search,
        selection=SelectionSettings(pairs=pairs, refiner=init.selection),
        # One model is the actor that both sets make, by the settings of the last training.
        training=TrainingPlan(actor=init.refiner if own.one_model else init.actor, refiner=init.refiner),
        comparison=None,
    )
