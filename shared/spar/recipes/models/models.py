"""The models, and the engine that serves them."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from spar.recipes.models.base import Positive, Probability, Section, Share, Unit, omitted_when_default
from spar.recipes.models.requests import RequestBody, RequestHeaders
from spar.recipes.urls import ServerUrl


class ModelSettings(Section):
    """The two starting models: `builtin:story/actor`, a directory, `hub:ID@REVISION`, or `served:NAME` (a model's name
    at a remote endpoint, which can be called but not trained)."""

    former_keys: ClassVar[Mapping[str, str]] = {"one": "shared"}
    actor: str
    """The model that responds to prompts."""
    refiner: str
    """The model that judges and refines."""
    shared: bool = omitted_when_default(False)
    """One model plays both roles: the trained actor is also the next refiner, and no refiner is trained."""
    backward: str | None = omitted_when_default(None)
    """The model that writes instructions for unlabelled texts (generation.policy instruct); it is never trained."""


def _without_keys(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if any(argument.startswith("--api-key") for argument in arguments):
        raise ValueError("--api-key would be shown to every user of the host; the server listens on loopback only")
    return arguments


class VllmSettings(Section):
    """How the vllm engine runs its own server; only `max_model_len` and `extra_args` can affect replies."""

    device: Literal["gpu", "cpu"] = "gpu"
    """gpu: the server runs on GPUs that it claims. cpu: a CPU build of vLLM, which claims none."""
    tensor_parallel: Annotated[Positive, Unit("GPUs")] = 1
    """GPUs that one server spans."""
    gpu_memory_utilization: Probability = 0.9
    """Share of each GPU's memory that the server uses."""
    max_model_len: Annotated[Positive | None, Unit("tokens")] = None
    """Tokens of prompt and reply together; null: the model's maximum."""
    extra_args: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_without_keys)] = ()
    """Further arguments of `vllm serve`, such as ["--quantization", "fp8"]."""
    start_deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 1800.0
    """Seconds from the server's start until it is ready; a large model loads and compiles for minutes."""
    patience_s: Annotated[float, Field(ge=0), Unit("seconds")] = 600.0
    """Seconds for which a model in use stays loaded while calls for another wait."""
    idle_s: Annotated[float, Field(ge=0), Unit("seconds")] = 60.0
    """Seconds without calls after which the server stops and releases its GPUs."""


class EngineSettings(Section):
    """The engine that serves the models. `kind` is an entry point of the group `spar.engines`."""

    kind: str = "transformers"
    """transformers: in this process. vllm: a server that each worker starts, or one at `url`. openai: any
    OpenAI-compatible server at `url`. rules, simulated: for the story world and tests."""
    url: ServerUrl | None = None
    """An OpenAI-compatible base URL, such as http://localhost:8000/v1 (kind openai; for vllm: your own server)."""
    dtype: Literal["float64", "float32", "bfloat16"] = "float32"
    """float64 makes sampled text independent of the rest of the batch: bit-for-bit reproducible on a CPU."""
    max_batch: Annotated[Positive, Unit("sequences or requests")] = 256
    """Sequences decoded together (transformers, vllm), or requests in flight (openai)."""
    deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 600.0
    """Timeout of one call, which then fails with DeadlineExceeded."""
    send_seed: bool = True
    """Whether to send seeds to a remote engine."""
    latency: Annotated[Share, Unit("seconds")] = 0.0
    """Only for the simulated engine: seconds per reply, for tests."""
    vllm: VllmSettings = VllmSettings()
    """How the vllm engine runs its server."""
    body: RequestBody = omitted_when_default({})
    """Extra fields of every request to a server, such as chat_template_kwargs. They are part of a result's identity;
    fields that the recipe sets elsewhere (model, messages, sampling, n, seed) are not allowed here."""
    headers: RequestHeaders = omitted_when_default({})
    """Extra headers of every request to a server. Credentials are written as ${VARIABLE} and read from the environment
    of the process that sends the request."""

    def __hash__(self) -> int:
        """Engines are cached by their settings, and a mapping among them is not hashable."""
        return hash(self.model_dump_json())
