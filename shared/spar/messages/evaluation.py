"""Commands to the evaluation service."""

from typing import Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import EvaluationSettings

REVISION: Final = 1
TASK = "evaluation.evaluate"

Part = Literal["actor", "refiner", "pairs"]


class EvaluationSpec(Spec):
    """Measure a model (actor, refiner) or an iteration's pairs against rules. Result: rows per item."""

    revision: Literal[1] = REVISION
    part: Part
    model: ModelRef | None
    engine: EngineIdentity
    templates: ObjectRef
    evaluation: EvaluationSettings
    seed: int
    pairs: ObjectRef | None


class Evaluate(StepMessage):
    spec: EvaluationSpec
