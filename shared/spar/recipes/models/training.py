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
    """True: the result is a whole model. False: an adapter on its base, which the next iteration trains further."""


class LaunchSettings(Section):
    """How many processes train one model, one per GPU, and what each of them holds."""

    identity: ClassVar[str] = "LaunchSettings"
    processes: Annotated[Positive, Unit("processes")] = 1
    """Processes of one training, one per GPU."""
    config: str = "none"
    """none: each process holds the whole model. fsdp, zero3, zero3-offload: it is sharded (deploy/accelerate/). Or the
    path of a configuration file of `accelerate launch`."""


class DivergenceSettings(Section):
    """When a training stops because it has diverged; a loss or gradient norm that is not finite always stops it."""

    identity: ClassVar[str] = "DivergenceSettings"

    loss: Annotated[float | None, Field(gt=1), Unit("none")] = 100.0
    """The largest allowed ratio of a step's loss to that of the first step (which counts as at least 1); null: any."""
    margin: Annotated[float | None, Field(gt=0), Unit("nats")] = 1000.0
    """The largest allowed absolute mean reward margin of a step's pairs, including beta (DPO); null: any."""


class TrainingSettings(Section):
    """Settings of both trainings. `kind` is an entry point of the group `spar.trainers`."""

    kind: str = "trl"
    """trl: the trainers of the TRL library. Others: an entry point of spar.trainers."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")]
    """The highest learning rate; it rises to it over `warmup`."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    """The course of the learning rate after its warm-up."""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises."""
    epochs: Annotated[Positive, Unit("epochs")] = 1
    """Times that the training sees each sample."""
    batch_size: Annotated[Positive, Unit("samples")]
    """Samples per optimizer step."""
    micro_batch_size: Annotated[Positive | None, Unit("samples")] = None
    """Samples per forward pass of one process; null is the whole batch, divided by the processes."""
    max_length: Annotated[Positive, Unit("tokens")]
    """Tokens of a whole sample; longer ones are excluded and counted."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Compute dtype of the training."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of storing them: less memory, more time."""
    lora: LoraSettings | None = None
    """Train an adapter instead of all weights; null: all weights."""
    launch: LaunchSettings = LaunchSettings()
    """The processes of a training."""
    checkpoint_steps: Annotated[Positive, Unit("optimizer steps")] = 100
    """Steps between checkpoints, from which an interrupted training resumes."""
    threads: Annotated[Positive | None, Unit("threads")] = None
    """Torch threads of the trainer; null: torch's default."""
    divergence: DivergenceSettings = omitted_when_default(DivergenceSettings())
    """When a training stops because it has diverged."""


class DpoSettings(TrainingSettings):
    """Direct preference optimization, plus the negative log-likelihood of the chosen response."""

    identity: ClassVar[str] = "DpoSettings"
    method: Literal["dpo"] = "dpo"
    """Direct preference optimization, on pairs."""
    beta: Annotated[float, Field(gt=0), Unit("none")] = 0.1
    """How strongly the trained model is held to the reference: the beta of DPO."""
    nll_weight: Annotated[float, Field(ge=0), Unit("none")] = 0.1
    """Weight of the chosen response's negative log-likelihood, added to the DPO loss."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")] = 2e-7
    """The highest learning rate; it rises to it over `warmup`."""
    batch_size: Annotated[Positive, Unit("pairs")] = 32
    """Pairs per optimizer step."""
    max_length: Annotated[Positive, Unit("tokens")] = 2048
    """Tokens of prompt and response together; longer pairs are excluded and counted."""


class SftSettings(TrainingSettings):
    """Supervised fine-tuning; on a model's own selected judgments and refinements it is RFT."""

    identity: ClassVar[str] = "SftSettings"
    method: Literal["sft"] = "sft"
    """Supervised fine-tuning, on conversations."""
    learning_rate: Annotated[float, Field(gt=0), Unit("none")] = 1e-6
    """The highest learning rate; it rises to it over `warmup`."""
    schedule: Literal["linear", "constant", "cosine"] = "constant"
    """The course of the learning rate after its warm-up."""
    epochs: Annotated[Positive, Unit("epochs")] = 5
    """Times that the training sees each sample."""
    batch_size: Annotated[Positive, Unit("samples")] = 64
    """Samples per optimizer step."""
    max_length: Annotated[Positive, Unit("tokens")] = 4096
    """Tokens of a whole sample; longer ones are excluded and counted."""
    packing: bool = False
    """Pack several samples into one sequence of `max_length` tokens."""


def _method(settings: Any) -> str:
    """The training method of a section; without one it is DPO, as before there were others."""
    method = settings.get("method", "dpo") if isinstance(settings, dict) else getattr(settings, "method", "dpo")
    return str(method)


ActorSettings = Annotated[
    Annotated[DpoSettings, Tag("dpo")] | Annotated[SftSettings, Tag("sft")], Discriminator(_method)
]


NO_TRAINING = "none"
"""The value of `training` for no training."""


class TrainingPlan(Section):
    """How both models are trained. `training: none` trains neither: a run's pairs and examples are its result."""

    trains: bool = omitted_when_default(True)
    """Whether anything is trained; `training: none` is short for `training: {trains: false}`."""
    actor: ActorSettings = DpoSettings()
    """How the actor is trained, by `method` dpo or sft."""
    refiner: SftSettings = SftSettings()
    """How the refiner is trained."""
    train_refiner: bool = omitted_when_default(True)
    """False: the refiner is not trained."""
    from_start: bool = omitted_when_default(False)
    """Each iteration trains the actor from the start of the run, instead of the last iteration's."""
    mix: str | None = omitted_when_default(None)
    """Conversations mixed into an actor's SFT data: a JSONL file of {"messages": [...]} rows, `init:refiner` (the
    judgments and refinements of `init`), `world:story-skills` or `world:story-seed`."""
    mix_rows: Annotated[Positive, Unit("conversations")] = omitted_when_default(1000)
    """How many conversations to mix in."""

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
