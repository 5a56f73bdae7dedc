"""How an iteration trains its models."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema, PydanticKnownError

from spar.recipes.models.base import Positive, Section, Share, Unit, omitted_when_default


class LoraSettings(Section):
    """An adapter that is trained instead of the whole model."""

    identity: ClassVar[str] = "LoraSettings"
    rank: Annotated[Positive, Unit("none")] = 16
    """Rank of the adapter's matrices."""
    alpha: Annotated[Positive, Unit("none")] = 32
    """The adapter's scale is alpha / rank."""
    dropout: Share = 0.0
    """Share of the adapter's inputs that are dropped in training."""
    merge: bool = True
    """True: a whole model comes out. False: an adapter on its base, which the next iteration trains further."""


class LaunchSettings(Section):
    """How many processes train one model, one a GPU, and what each of them holds."""

    identity: ClassVar[str] = "LaunchSettings"
    processes: Annotated[Positive, Unit("processes")] = 1
    """Processes of one training, one a GPU."""
    config: str = "none"
    """none: each process holds the whole model. fsdp, zero3, zero3-offload: it is divided (deploy/accelerate/). Or the
    path of a configuration file of `accelerate launch`."""


class DivergenceSettings(Section):
    """When a training stops because it has diverged; a loss or gradient norm that is not finite always stops it."""

    identity: ClassVar[str] = "DivergenceSettings"

    loss: Annotated[float | None, Field(gt=1), Unit("none")] = 100.0
    """The loss of a step may be at most so many times that of the first step (which counts as 1 where it is lower);
    null: any."""
    margin: Annotated[float | None, Field(gt=0), Unit("nats")] = 1000.0
    """The mean reward margin of a step's pairs, beta included, may be at most so large in either direction (DPO);
    null: any."""


class TrainingSettings(Section):
    """What both trainings share. `kind` is an entry point of the group `spar.trainers`."""

    kind: str = "trl"
    """trl: the trainers of the TRL library. Others: an entry point of spar.trainers."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")]
    """The highest learning rate; it rises to it over `warmup`."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    """What the learning rate does after its warm-up."""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises."""
    epochs: Annotated[Positive, Unit("epochs")] = 1
    """Times that the training sees each sample."""
    batch_size: Annotated[Positive, Unit("samples")]
    """Samples per optimizer step."""
    micro_batch_size: Annotated[Positive | None, Unit("samples")] = None
    """Samples per forward pass of one process; null is the whole batch, divided by the processes."""
    max_length: Annotated[Positive, Unit("tokens")]
    """Tokens of a whole sample; longer ones are left out and counted."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """What the training computes in."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of keeping them: less memory, more time."""
    lora: LoraSettings | None = None
    """Train an adapter instead of all weights; null: all weights."""
    launch: LaunchSettings = LaunchSettings()
    """In how many processes a training runs."""
    checkpoint_steps: Annotated[Positive, Unit("optimizer steps")] = 100
    """Steps between two checkpoints, from which an interrupted training is resumed."""
    threads: Annotated[Positive | None, Unit("threads")] = None
    """Torch threads of the trainer; null leaves it to torch."""
    divergence: DivergenceSettings = omitted_when_default(DivergenceSettings())
    """When a training stops because it has diverged."""


class DpoSettings(TrainingSettings):
    """Direct preference optimization, with the negative log-likelihood of the chosen response beside it."""

    identity: ClassVar[str] = "DpoSettings"
    method: Literal["dpo"] = "dpo"
    """Direct preference optimization, on pairs."""
    beta: Annotated[float, Field(gt=0), Unit("none")] = 0.1
    """How strongly the trained model is held to the reference: the beta of DPO."""
    nll_weight: Annotated[float, Field(ge=0), Unit("none")] = 0.1
    """Weight of the chosen response's negative log-likelihood beside the DPO loss."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")] = 2e-7
    """The highest learning rate; it rises to it over `warmup`."""
    batch_size: Annotated[Positive, Unit("pairs")] = 32
    """Pairs per optimizer step."""
    max_length: Annotated[Positive, Unit("tokens")] = 2048
    """Tokens of prompt and response together; longer pairs are left out and counted."""


class SftSettings(TrainingSettings):
    """Supervised fine-tuning; over a model's own kept judgments and refinements it is RFT."""

    identity: ClassVar[str] = "SftSettings"
    method: Literal["sft"] = "sft"
    """Supervised fine-tuning, on conversations."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")] = 1e-6
    """The highest learning rate; it rises to it over `warmup`."""
    schedule: Literal["linear", "constant", "cosine"] = "constant"
    """What the learning rate does after its warm-up."""
    epochs: Annotated[Positive, Unit("epochs")] = 5
    """Times that the training sees each sample."""
    batch_size: Annotated[Positive, Unit("samples")] = 64
    """Samples per optimizer step."""
    max_length: Annotated[Positive, Unit("tokens")] = 4096
    """Tokens of a whole sample; longer ones are left out and counted."""
    packing: bool = False
    """Put several samples into one sequence of `max_length` tokens."""


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

    trains: bool = omitted_when_default(True)
    """Whether anything is trained; `training: none` is short for `training: {trains: false}`."""
    actor: ActorSettings = DpoSettings()
    """How the actor is trained, by `method` dpo or sft."""
    refiner: SftSettings = SftSettings()
    """How the refiner is trained."""
    train_refiner: bool = omitted_when_default(True)
    """False: the refiner stays as it is."""
    from_start: bool = omitted_when_default(False)
    """Each iteration trains the actor that the run began with, instead of going on from the last one."""
    mix: str | None = omitted_when_default(None)
    """Conversations trained on beside an actor's SFT data: a JSONL file of {"messages": [...]} rows, `init:refiner`
    (what `init` made of judging and refining), `world:story-skills` or `world:story-seed`."""
    mix_rows: Annotated[Positive, Unit("conversations")] = omitted_when_default(1000)
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
