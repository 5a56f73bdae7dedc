"""Commands to the training service: make an iteration's training sets, and train a model on one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from spar.messages.base import ModelRef, ObjectRef, Spec, StepMessage, Wire
from spar.recipes.models import (
    ComparisonSettings,
    DpoSettings,
    JudgmentSettings,
    SelectionSettings,
    SftSettings,
    TrainingSettings,
    omitted_when_default,
)

SELECTION_REVISION: Final = 2
TRAINING_REVISIONS: Final[Mapping[str, Literal[1, 2]]] = {"dpo": 2, "sft": 1}
"""By method. DPO's 2: its loss is a mean over pairs, the NLL of each response's tokens first."""
SELECT_TASK = "training.select"
TRAIN_TASK = "training.train"

Role = Literal["actor", "refiner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardResults:
    """One row of a selection's input: a shard's objects by key; None where the shard never got that far."""

    prompts: str
    judged: str | None
    trees: str | None


@dataclass(frozen=True, slots=True)
class ShardComparisons:
    """One row of a selection's compared judgments: a shard's rows of ComparedPrompt; None if it never got that far."""

    compared: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEnd:
    """One row of a selection's outcomes, in the order of the iteration's prompts."""

    prompt_id: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A selection's result, its only row: keys of row objects and how many rows each has.

    Pairs (of responses, for the actor's DPO) and examples (for the refiner) always; PromptEnds. Where the actor trains
    by SFT `actor_examples` are its rows; where judgments were compared `judge_pairs` are trained on beside the pairs.
    """

    pairs_key: str
    pairs: int
    examples_key: str
    examples: int
    outcomes_key: str
    actor_examples_key: str | None = None
    actor_examples: int = 0
    judge_pairs_key: str | None = None
    judge_pairs: int = 0

    @property
    def actor_rows(self) -> int:
        """Of responses: a selection makes pairs for DPO or examples for SFT, never both."""
        return self.pairs + self.actor_examples


class LengthLimit(Wire):
    """What a trainer can take: whose tokenisation counts, and how many tokens of a sample."""

    identity: ClassVar[str] = "LengthLimit"
    trainer: str
    max_length: int

    @classmethod
    def of(cls, settings: TrainingSettings) -> "LengthLimit":
        return cls(trainer=settings.kind, max_length=settings.max_length)


class JudgingRef(Wire):
    """How a selection's responses were judged: the settings, the form that they were prompted with, and the pairs
    wanted."""

    identity: ClassVar[str] = "JudgingRef"
    judgment: JudgmentSettings
    form: ObjectRef | None = None
    comparison: ComparisonSettings | None = None


class SelectionSpec(Spec):
    """Make pairs, refiner examples and outcomes of an iteration. `inputs` holds rows of ShardResults.

    Of the trainings only their length limits matter here: another learning rate makes the same selection. Where nothing
    is trained there are none: the length limit is then set by the training that uses the export. `judging` is how
    responses were judged, where that isn't by verdicts; `compared` holds rows of ShardComparisons. Without
    `refiner_data` no refiner is trained, and none of its examples are made. `measured` holds rows of Prompt that must
    not be trained on, where a model writes the prompts.
    """

    identity: ClassVar[str] = "SelectionSpec"
    revision: Literal[2] = SELECTION_REVISION
    actor: ModelRef
    refiner: ModelRef
    templates: ObjectRef
    selection: SelectionSettings
    actor_limit: LengthLimit | None
    refiner_limit: LengthLimit | None
    seed: int
    iteration: int
    inputs: ObjectRef
    judging: JudgingRef | None = omitted_when_default(None)
    compared: ObjectRef | None = omitted_when_default(None)
    refiner_data: bool = omitted_when_default(True)
    measured: ObjectRef | None = omitted_when_default(None)


class Select(StepMessage):
    spec: SelectionSpec


class TrainingSpec(Spec):
    """Train one model. `rows` holds rows of Pair (dpo) or Example (sft). Result: one row of Trained.

    `revision` is the method's (TRAINING_REVISIONS).
    `more` are further rows of the same kind, trained on with them: pairs of judgments, or a recipe's mixed-in set.
    """

    identity: ClassVar[str] = "TrainingSpec"
    revision: Literal[1, 2]
    role: Role
    base: ModelRef
    trainer: Annotated[DpoSettings | SftSettings, Field(discriminator="method")]
    seed: int
    rows: ObjectRef
    more: tuple[ObjectRef, ...] = omitted_when_default(())


class Train(StepMessage):
    spec: TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A training's result, its only row. The model's files lie under models/<fingerprint>/."""

    fingerprint: str
    parent: str
    samples: int
    too_long: int
    steps: int
    tokens: int
    loss: float | None
