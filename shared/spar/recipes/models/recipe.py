"""A whole recipe, and the stages in which it changes."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section, later
from spar.recipes.models.evaluation import EvaluationPlan, HonestySettings
from spar.recipes.models.init import InitSettings
from spar.recipes.models.models import EngineSettings, ModelSettings
from spar.recipes.models.running import BudgetSettings, DispatchSettings, FailureSettings
from spar.recipes.models.steps import (
    ComparisonSettings,
    GenerationSettings,
    JudgmentSettings,
    PromptSettings,
    SearchSettings,
    SelectionSettings,
)
from spar.recipes.models.training import TrainingPlan


class Stage(Section):
    """Other settings for some iterations; what a section here does not say is as in the recipe."""

    iterations: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]
    generation: GenerationSettings | None = None
    judgment: JudgmentSettings | None = None
    search: SearchSettings | None = None
    selection: SelectionSettings | None = None
    training: TrainingPlan | None = None
    comparison: ComparisonSettings | None = None
    compares: bool = True
    """False: no judgments are compared in these iterations."""


class Recipe(Section):
    """A whole run. `resolved` recipes name no file by a relative path."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
    profile: Literal["fixed", "paper"] = "fixed"
    seed: Count = 0
    iterations: Positive = 3
    models: ModelSettings
    prompts: PromptSettings
    templates: str = "spar"
    """`spar`, `compact`, or a folder with judge.txt and refine.txt."""
    engine: EngineSettings = EngineSettings()
    generation: GenerationSettings = GenerationSettings()
    judgment: JudgmentSettings = JudgmentSettings()
    search: SearchSettings = SearchSettings()
    comparison: ComparisonSettings | None = later(None)
    """Compare judgments and train on the better ones; None: don't."""
    selection: SelectionSettings = SelectionSettings()
    training: TrainingPlan = TrainingPlan()
    init: InitSettings | None = later(None)
    """Make the starting models first; None: `models` are the starting models."""
    stages: Annotated[tuple[Stage, ...], Field(strict=False, exclude_if=lambda stages: not stages)] = ()
    evaluation: EvaluationPlan | None = None
    honesty: HonestySettings | None = later(None)
    """Audit the refiner's judging; None: don't."""
    dispatch: DispatchSettings = DispatchSettings()
    budget: BudgetSettings = BudgetSettings()
    failures: FailureSettings = later(FailureSettings())

    @property
    def refiner_fate(self) -> Literal["trained", "kept", "shared"]:
        """What an iteration makes of its refiner: trains it, keeps it as it is, or shares the actor's next model."""
        if self.models.one:
            return "shared"
        return "trained" if self.training.trains and self.training.train_refiner else "kept"
