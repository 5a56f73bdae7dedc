"""How an iteration trains its models."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema, PydanticKnownError

from spar.recipes.models.base import Positive, Section, Share, later


class LoraSettings(Section):
    rank: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.0
    merge: bool = True
    """True: a whole model comes out. False: an adapter on its base, and the next iteration goes on from it."""


class LaunchSettings(Section):
    """How many processes train one model, one a GPU, and what each of them holds."""

    processes: Positive = 1
    config: str = "none"
    """none: each process holds the whole model. fsdp, zero3, zero3-offload: it is divided (deploy/accelerate/). Or the
    path of a configuration file of `accelerate launch`."""


class TrainingSettings(Section):
    """What both trainings share. `kind` is an entry point of the group `spar.trainers`."""

    kind: str = "trl"
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises."""
    epochs: Positive = 1
    batch_size: Positive
    """Samples per optimizer step."""
    micro_batch_size: Positive | None = None
    """Samples per forward pass of one process; None is the whole batch, divided by the processes."""
    max_length: Positive
    """Tokens of a whole sample; longer ones are left out and counted."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    gradient_checkpointing: bool = False
    lora: LoraSettings | None = None
    launch: LaunchSettings = LaunchSettings()
    checkpoint_steps: Positive = 100
    threads: Positive | None = None
    """Torch threads of the trainer; None leaves it to torch."""


class DpoSettings(TrainingSettings):
    method: Literal["dpo"] = "dpo"
    beta: Annotated[float, Field(gt=0)] = 0.1
    nll_weight: Annotated[float, Field(ge=0)] = 0.1
    learning_rate: Annotated[float, Field(gt=0)] = 2e-7
    batch_size: Positive = 32
    max_length: Positive = 2048


class SftSettings(TrainingSettings):
    """Supervised fine-tuning; over a model's own kept judgments and refinements it is RFT."""

    method: Literal["sft"] = "sft"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-6
    schedule: Literal["linear", "constant", "cosine"] = "constant"
    epochs: Positive = 5
    batch_size: Positive = 64
    max_length: Positive = 4096
    packing: bool = False


def _method(settings: Any) -> str:
    """Which training a section describes; what names no method is DPO, as it was when there was no other."""
    said = settings.get("method", "dpo") if isinstance(settings, dict) else getattr(settings, "method", "dpo")
    return str(said)


ActorSettings = Annotated[
    Annotated[DpoSettings, Tag("dpo")] | Annotated[SftSettings, Tag("sft")], Discriminator(_method)
]


NO_TRAINING = "none"
"""What a recipe writes instead of the section `training`."""


class TrainingPlan(Section):
    """How both models are trained. `training: none` trains neither: a run's pairs and examples are its result."""

    trains: bool = later(True)
    """Whether anything is trained; `training: none` is short for `training: {trains: false}`."""
    actor: ActorSettings = DpoSettings()
    refiner: SftSettings = SftSettings()
    train_refiner: bool = later(True)
    """False: the refiner stays as it is."""
    from_start: bool = later(False)
    """Each iteration trains the actor that the run began with, instead of going on from the last one."""
    mix: str | None = later(None)
    """Conversations trained on beside an actor's SFT data: a JSONL file of {"messages": [...]} rows,
    `world:story-skills` or `world:story-seed`."""
    mix_rows: Positive = later(1000)
    """How many of them."""

    @model_validator(mode="before")
    @classmethod
    def _from_none(cls, data: Any) -> Any:
        if data == NO_TRAINING:
            return {"trains": False}
        if isinstance(data, str):
            raise PydanticKnownError("literal_error", {"expected": f"{NO_TRAINING}, or a section of keys"})
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": NO_TRAINING}, handler(schema)]}
