"""A complete recipe, and its stages."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section, Unit, omitted_when_default
from spar.recipes.models.evaluation import EvaluationPlan, JudgeAuditSettings
from spar.recipes.models.guards import GuardSettings
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
    """Settings for some iterations; keys that a section leaves out are as in the recipe."""

    iterations: Annotated[Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)], Unit("iterations")]
    """The iterations of the stage, counted from 1."""
    generation: GenerationSettings | None = None
    """As `generation`, in these iterations."""
    judgment: JudgmentSettings | None = None
    """As `judgment`, in these iterations."""
    search: SearchSettings | None = None
    """As `search`, in these iterations."""
    selection: SelectionSettings | None = None
    """As `selection`, in these iterations."""
    training: TrainingPlan | None = None
    """As `training`, in these iterations; where `method` changes, keys of the other method are dropped."""
    comparison: ComparisonSettings | None = None
    """As `comparison`, in these iterations."""
    compares: bool = True
    """False: judgments are not compared in these iterations."""


class Recipe(Section):
    """The definition of a run. A resolved recipe has no relative paths."""

    former_keys: ClassVar[Mapping[str, str]] = {"honesty": "judge_audit"}
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
    """Name of the run, its directory and its exports: at most 40 lower-case letters, digits, `_`, `.` and `-`."""
    profile: Literal["fixed", "paper"] = "fixed"
    """paper: the rules of the reference scripts where they affect outcomes. fixed: the same method with their errors
    corrected."""
    seed: Annotated[Count, Unit("none")] = 0
    """Every call's seed is derived from it; another seed makes another run."""
    iterations: Annotated[Positive, Unit("iterations")] = 3
    """Iterations of self-play, each with the models trained in the last one; 1 without training."""
    models: ModelSettings
    """The starting models."""
    prompts: PromptSettings
    """The prompts, and how they are divided."""
    templates: str = "spar"
    """`spar`, `compact`, or a folder with judge.txt and refine.txt."""
    engine: EngineSettings = EngineSettings()
    """The engine that serves the models."""
    generation: GenerationSettings = GenerationSettings()
    """How responses are sampled."""
    judgment: JudgmentSettings = JudgmentSettings()
    """How responses and refinements are judged."""
    search: SearchSettings = SearchSettings()
    """The tree search for a refinement of a bad response."""
    comparison: ComparisonSettings | None = omitted_when_default(None)
    """Compare judgments and train on the better ones; null: off."""
    selection: SelectionSettings = SelectionSettings()
    """Which pairs and examples are selected for training."""
    training: TrainingPlan = TrainingPlan()
    """How the models are trained; `none`: not at all."""
    init: InitSettings | None = omitted_when_default(None)
    """Make the starting models first; null: `models` are the starting models."""
    stages: Annotated[tuple[Stage, ...], Field(strict=False, exclude_if=lambda stages: not stages)] = ()
    """Settings for some iterations; iterations that no stage names use the recipe's."""
    evaluation: EvaluationPlan | None = None
    """Measurements at the start and after each iteration; null: none."""
    judge_audit: JudgeAuditSettings | None = omitted_when_default(None)
    """Audit of the refiner's judging; null: off."""
    dispatch: DispatchSettings = DispatchSettings()
    """How work is dispatched."""
    budget: BudgetSettings = BudgetSettings()
    """Caps on the run's usage."""
    failures: FailureSettings = omitted_when_default(FailureSettings())
    """When a run stops because of its prompts' outcomes."""
    guards: GuardSettings = omitted_when_default(GuardSettings())
    """Checks of an iteration's rows before a model is trained on them."""

    @property
    def selfplay_prompts(self) -> int:
        """How many prompts self-play takes from their source, over all iterations."""
        return self.prompts.per_iteration * (1 if self.prompts.reuse else self.iterations)
