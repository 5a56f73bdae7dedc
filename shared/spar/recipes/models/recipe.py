"""A whole recipe, and the stages in which it changes."""

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
    """Other settings for some iterations; what a section here does not say is as in the recipe."""

    iterations: Annotated[Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)], Unit("iterations")]
    """The iterations that are set so, counted from 1."""
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
    """False: no judgments are compared in these iterations."""


class Recipe(Section):
    """A whole run. `resolved` recipes name no file by a relative path."""

    former_keys: ClassVar[Mapping[str, str]] = {"honesty": "judge_audit"}
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
    """Names the run, its directory and its exports: lower-case letters, digits, `_`, `.` and `-`; at most 40."""
    profile: Literal["fixed", "paper"] = "fixed"
    """paper: the rules of the reference scripts where they decide outcomes. fixed: the same method with their errors
    corrected."""
    seed: Annotated[Count, Unit("none")] = 0
    """Every call's seed is derived from it; another seed is another run."""
    iterations: Annotated[Positive, Unit("iterations")] = 3
    """Rounds of self-play, each with the models that the last one trained; 1 without training."""
    models: ModelSettings
    """Where the models come from."""
    prompts: PromptSettings
    """Where the prompts come from, and how they are divided."""
    templates: str = "spar"
    """`spar`, `compact`, or a folder with judge.txt and refine.txt."""
    engine: EngineSettings = EngineSettings()
    """What serves the models."""
    generation: GenerationSettings = GenerationSettings()
    """How responses are sampled."""
    judgment: JudgmentSettings = JudgmentSettings()
    """How responses and refinements are judged."""
    search: SearchSettings = SearchSettings()
    """How a refinement of a bad response is searched for."""
    comparison: ComparisonSettings | None = omitted_when_default(None)
    """Compare judgments and train on the better ones; null: don't."""
    selection: SelectionSettings = SelectionSettings()
    """Which pairs and examples are kept."""
    training: TrainingPlan = TrainingPlan()
    """How the models are trained; `none`: they are not."""
    init: InitSettings | None = omitted_when_default(None)
    """Make the starting models first; null: `models` are the starting models."""
    stages: Annotated[tuple[Stage, ...], Field(strict=False, exclude_if=lambda stages: not stages)] = ()
    """Other settings for some iterations; an iteration that no stage names is set as the recipe is."""
    evaluation: EvaluationPlan | None = None
    """What is measured at the start and after each iteration; null: nothing."""
    judge_audit: JudgeAuditSettings | None = omitted_when_default(None)
    """Audit the refiner's judging; null: don't."""
    dispatch: DispatchSettings = DispatchSettings()
    """How work is handed out."""
    budget: BudgetSettings = BudgetSettings()
    """Caps on what the run takes."""
    failures: FailureSettings = omitted_when_default(FailureSettings())
    """When a run stops because of what became of its prompts."""
    guards: GuardSettings = omitted_when_default(GuardSettings())
    """What is looked for in an iteration's rows before a model learns from them."""

    @property
    def selfplay_prompts(self) -> int:
        """How many prompts self-play takes of their source, all iterations together."""
        return self.prompts.per_iteration * (1 if self.prompts.reuse else self.iterations)
