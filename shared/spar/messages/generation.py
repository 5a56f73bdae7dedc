"""Commands to the generation service."""

from typing import Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import GenerationSettings

REVISION: Final = 1
TASK = "generation.generate"


class GenerationSpec(Spec):
    """Have the actor answer a shard's prompts. Input: rows of Prompt. Result: rows of Generated."""

    revision: Literal[1] = REVISION
    model: ModelRef
    engine: EngineIdentity
    sampling: GenerationSettings
    seed: int
    iteration: int
    prompts: ObjectRef


class Generate(StepMessage):
    spec: GenerationSpec
