"""Commands to the refinement service."""

from typing import ClassVar, Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import JudgmentSettings, SearchSettings

REVISION: Final = 4
TASK = "refinement.refine"


class RefinementSpec(Spec):
    """Draw each prompt's negative and tree-search a refinement. Input: rows of JudgedPrompt. Result: rows of Tree."""

    identity: ClassVar[str] = "RefinementSpec"
    revision: Literal[4] = REVISION
    model: ModelRef
    engine: EngineIdentity
    templates: ObjectRef
    judgment: JudgmentSettings
    search: SearchSettings
    seed: int
    iteration: int
    judged: ObjectRef


class Refine(StepMessage):
    spec: RefinementSpec
