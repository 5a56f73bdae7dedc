"""The definition of a run as data: the recipe in a YAML file, section by section.

Fields default to the paper's values, where the paper has them. `spar.recipes.load` loads files, applies overrides and
reports errors; nothing here reads a file.
"""

from spar.recipes.models.base import (
    Count,
    Positive,
    Probability,
    Section,
    Share,
    Temperature,
    Unit,
    omitted_when_default,
)
from spar.recipes.models.evaluation import (
    AskSettings,
    BenchmarkPlan,
    BenchmarkSettings,
    EvaluationPlan,
    EvaluationSettings,
    GeneralSettings,
    JudgeAuditSettings,
    JudgeSettings,
)
from spar.recipes.models.guards import GuardSettings
from spar.recipes.models.init import INIT_DEFAULTS, InitData, InitPrompts, InitSettings, TeacherSettings
from spar.recipes.models.models import EngineSettings, ModelSettings, VllmSettings
from spar.recipes.models.recipe import Recipe, Stage
from spar.recipes.models.running import BudgetSettings, CallPrice, DispatchSettings, FailureSettings, PriceSettings
from spar.recipes.models.steps import (
    ComparisonSettings,
    GenerationSettings,
    JudgmentSettings,
    PromptSettings,
    RefinerDataSettings,
    SamplingSettings,
    SearchSettings,
    SelectionSettings,
)
from spar.recipes.models.training import (
    NO_TRAINING,
    ActorSettings,
    DivergenceSettings,
    DpoSettings,
    LaunchSettings,
    LoraSettings,
    SftSettings,
    TrainingPlan,
    TrainingSettings,
)

__all__ = [
    "INIT_DEFAULTS",
    "NO_TRAINING",
    "ActorSettings",
    "AskSettings",
    "BenchmarkPlan",
    "BenchmarkSettings",
    "BudgetSettings",
    "CallPrice",
    "ComparisonSettings",
    "Count",
    "DispatchSettings",
    "DivergenceSettings",
    "DpoSettings",
    "EngineSettings",
    "EvaluationPlan",
    "EvaluationSettings",
    "FailureSettings",
    "GeneralSettings",
    "GenerationSettings",
    "GuardSettings",
    "InitData",
    "InitPrompts",
    "InitSettings",
    "JudgeAuditSettings",
    "JudgeSettings",
    "JudgmentSettings",
    "LaunchSettings",
    "LoraSettings",
    "ModelSettings",
    "Positive",
    "PriceSettings",
    "Probability",
    "PromptSettings",
    "Recipe",
    "RefinerDataSettings",
    "SamplingSettings",
    "SearchSettings",
    "Section",
    "SelectionSettings",
    "SftSettings",
    "Share",
    "Stage",
    "TeacherSettings",
    "Temperature",
    "TrainingPlan",
    "TrainingSettings",
    "Unit",
    "VllmSettings",
    "omitted_when_default",
]
