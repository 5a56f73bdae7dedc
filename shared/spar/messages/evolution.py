"""Commands to the generation service that evolve prompts, on the same queue and with results as all others.

They are the steps of `spar prompts evolve` (docs/decisions/0008): no run of the coordinator has them.
"""

from typing import ClassVar, Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import SamplingSettings

EVOLVE_REVISION: Final = 2
VALIDATE_REVISION: Final = 2
EVOLVE_TASK = "generation.evolve"
VALIDATE_TASK = "generation.validate"


class EvolveSpec(Spec):
    """Have a teacher evolve a shard's seed prompts. Input: rows of Prompt. Result: rows of Evolution."""

    identity: ClassVar[str] = "EvolveSpec"
    revision: Literal[2] = EVOLVE_REVISION
    model: ModelRef
    engine: EngineIdentity
    forms: ObjectRef
    taxonomy: ObjectRef
    sampling: SamplingSettings
    retries: int
    seed: int
    prompts: ObjectRef


class ValidateSpec(Spec):
    """Have a teacher check a shard's evolved prompts. Input: rows of Evolution. Result: rows of Checked."""

    identity: ClassVar[str] = "ValidateSpec"
    revision: Literal[2] = VALIDATE_REVISION
    model: ModelRef
    engine: EngineIdentity
    forms: ObjectRef
    taxonomy: ObjectRef
    sampling: SamplingSettings
    retries: int
    seed: int
    evolved: ObjectRef


class Evolve(StepMessage):
    spec: EvolveSpec


class Validate(StepMessage):
    spec: ValidateSpec
