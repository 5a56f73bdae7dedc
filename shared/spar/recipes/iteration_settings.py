"""The settings of one iteration: the recipe's, those of a stage that names it, or those of the initialisation.

A pure function of a resolved recipe and an iteration's number. The coordinator plans the steps with them.
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
"""The sections that a stage may override."""
NO_JUDGMENT = JudgmentSettings(policy="unjudged", votes=1, quorum=1)

RefinerFate = Literal["trained", "kept", "shared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationSettings:
    """The sections of a recipe in one iteration; equal settings make equal iterations."""

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
        """How the iteration updates its refiner: trains it, keeps it, or replaces it by the actor's next model."""
        if self.one_model:
            return "shared"
        return "trained" if self.training.trains and self.training.train_refiner else "kept"


def settings_in(recipe: Recipe, iteration: int) -> IterationSettings:
    """The settings of this iteration; before the first of self-play, those that initialise a model, if any."""
    role = role_of(iteration)
    if recipe.init is not None and role is not None:
        own = base_settings(recipe)
        return _for_actor(own, recipe.init) if role == "actor" else _for_refiner(own, recipe.init)
    stages = recipe.stages if iteration >= FIRST else ()
    stage = next((stage for stage in stages if iteration in stage.iterations), None)
    return base_settings(recipe) if stage is None else _staged(recipe, stage)


def base_settings(recipe: Recipe) -> IterationSettings:
    """The settings of every iteration that no stage names."""
    return IterationSettings(
        **{name: getattr(recipe, name) for name in SECTIONS},
        one_model=recipe.models.shared,
    )


def every_settings(recipe: Recipe) -> list[IterationSettings]:
    """All settings that an iteration of self-play may have, the recipe's own first."""
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
    # Trains on judgments and refinements, or on judgments alone if the policy allows no search.
    pairs = "lessons" if init.judgment.policy == VERDICTS else "judged"
    return replace(
        own,
        generation=init.responses,
        judgment=init.judgment,
        search=init.search,
        selection=SelectionSettings(pairs=pairs, refiner=init.selection),
        # A shared model is the actor trained on both data sets, by the settings of the last training.
        training=TrainingPlan(actor=init.refiner if own.one_model else init.actor, refiner=init.refiner),
        comparison=None,
    )
