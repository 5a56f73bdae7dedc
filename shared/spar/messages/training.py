"""Commands to the training service: make an iteration's training sets, and train a model on one."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from spar.messages.base import ModelRef, ObjectRef, Spec, StepMessage, Wire
from spar.recipes.models import DpoSettings, SelectionSettings, SftSettings, TrainingSettings

SELECTION_REVISION: Final = 1
TRAINING_REVISION: Final = 1
SELECT_TASK = "training.select"
TRAIN_TASK = "training.train"

Role = Literal["actor", "refiner"]


@dataclass(frozen=True, slots=True)
class ShardResults:
    """One row of a selection's input: a shard's objects by key; None where the shard never got that far."""

    prompts: str
    judged: str | None
    trees: str | None


@dataclass(frozen=True, slots=True)
class PromptEnd:
    """One row of a selection's outcomes, in the order of the iteration's prompts."""

    prompt_id: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Selected:
    """A selection's result, its only row: keys of three row objects (Pair, Example, PromptEnd) and how many."""

    pairs_key: str
    pairs: int
    examples_key: str
    examples: int
    outcomes_key: str


class LengthLimit(Wire):
    """What a trainer can take: whose tokenisation counts, and how many tokens of a sample."""

    trainer: str
    max_length: int

    @classmethod
    def of(cls, settings: TrainingSettings) -> "LengthLimit":
        return cls(trainer=settings.kind, max_length=settings.max_length)


class SelectionSpec(Spec):
    """Make pairs, refiner examples and outcomes of an iteration. `inputs` holds rows of ShardResults.

    Of the trainings only their length limits matter here: another learning rate makes the same selection.
    """

    revision: Literal[1] = SELECTION_REVISION
    actor: ModelRef
    refiner: ModelRef
    templates: ObjectRef
    selection: SelectionSettings
    actor_limit: LengthLimit
    refiner_limit: LengthLimit
    seed: int
    iteration: int
    inputs: ObjectRef


class Select(StepMessage):
    spec: SelectionSpec


class TrainingSpec(Spec):
    """Train one model. `rows` holds rows of Pair (dpo) or Example (sft). Result: one row of Trained."""

    revision: Literal[1] = TRAINING_REVISION
    role: Role
    base: ModelRef
    trainer: Annotated[DpoSettings | SftSettings, Field(discriminator="method")]
    seed: int
    rows: ObjectRef


class Train(StepMessage):
    spec: TrainingSpec


@dataclass(frozen=True, slots=True)
class Trained:
    """A training's result, its only row. The model's files lie under models/<fingerprint>/."""

    fingerprint: str
    parent: str
    samples: int
    too_long: int
    steps: int
    tokens: int
    loss: float | None
