"""Commands to the judgment service."""

from typing import Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import JudgmentSettings

REVISION: Final = 1
TASK = "judgment.judge"


class JudgmentSpec(Spec):
    """Have the refiner judge a shard's responses. Input: rows of Generated. Result: rows of JudgedPrompt."""

    revision: Literal[1] = REVISION
    model: ModelRef
    engine: EngineIdentity
    templates: ObjectRef
    judgment: JudgmentSettings
    seed: int
    iteration: int
    generated: ObjectRef


class Judge(StepMessage):
    spec: JudgmentSpec
