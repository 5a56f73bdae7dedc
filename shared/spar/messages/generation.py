"""Commands to the generation service."""

from typing import ClassVar, Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import GenerationSettings, omitted_when_default

REVISION: Final = 4
TASK = "generation.generate"


class GenerationSpec(Spec):
    """Have the actor respond to a shard's prompts, or the backward model write instructions for its texts.

    Input: rows of Prompt. Result: rows of Generated, in the same order. `form` is what the policy asks with, if it
    has one.
    """

    identity: ClassVar[str] = "GenerationSpec"
    revision: Literal[4] = REVISION
    model: ModelRef
    engine: EngineIdentity
    sampling: GenerationSettings
    seed: int
    iteration: int
    prompts: ObjectRef
    form: ObjectRef | None = omitted_when_default(None)


class Generate(StepMessage):
    spec: GenerationSpec
