"""What a chat completion request may say: OpenAI's fields that the gateway can honour, and `spar` with its own.

A field that would change the text and cannot be honoured is refused, never ignored. Knows nothing of models.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.gateway.errors import Refusal

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "stop": ([],),
    "logprobs": (False,),
    "tools": ([],),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""Fields that clients send with the value that asks for nothing; null does, in any field."""
HARMLESS = frozenset(
    {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls"}
)
"""Fields that change no text: let pass."""


class Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextPart(Form):
    type: Literal["text"]
    text: str


class Turn(Form):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(Form):
    include_usage: bool = False
    include_obfuscation: bool = False


class SparOptions(Form):
    """The gateway's own: how much may be spent on a request, and what is told of it."""

    budget: Annotated[int, Field(gt=0)] | None = None
    """Refinements, or further responses, at most."""
    deadline_s: Annotated[float, Field(gt=0)] | None = None
    tree: bool = False
    """Whether the tree comes with the response."""
    branch: Annotated[int, Field(gt=0, le=16)] = 3
    keep: Annotated[int, Field(gt=0, le=16)] = 2
    depth: Annotated[int, Field(gt=0, le=16)] = 3
    votes: Annotated[int, Field(gt=0, le=64)] | None = None


class ChatForm(Form):
    model: str
    messages: Annotated[list[Turn], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    spar: SparOptions = SparOptions()

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_asks_for_nothing(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if not _asks_for_nothing(name, value)}

    @model_validator(mode="after")
    def _ends_with_the_user(self) -> "ChatForm":
        if self.messages[-1].role != "user":
            raise ValueError("the last of `messages` must be the user's")
        if not self.messages[-1].text.strip():
            raise ValueError("the last of `messages` is empty")
        return self


def _asks_for_nothing(name: str, value: object) -> bool:
    return value is None or name in HARMLESS or value in NEUTRAL.get(name, ())


def with_headers(form: ChatForm, headers: Mapping[str, str]) -> ChatForm:
    """The form with X-Spar-Budget, X-Spar-Deadline and X-Spar-Tree, for clients that can't add fields: fields win."""
    given = {
        field: headers[name]
        for name, field in (("x-spar-budget", "budget"), ("x-spar-deadline", "deadline_s"), ("x-spar-tree", "tree"))
        if name in headers
    }
    said = form.spar.model_dump(exclude_unset=True)
    try:
        return form.model_copy(update={"spar": SparOptions.model_validate({**given, **said})})
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Refusal(
            400,
            "invalid_request",
            f"A header X-Spar-* is not as it should be: {field}: {error.errors()[0]['msg']}.",
            "Send X-Spar-Budget: 8, X-Spar-Deadline: 20, X-Spar-Tree: true, or leave them out.",
            param=field,
        ) from error
