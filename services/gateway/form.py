"""What a chat completion request may contain: OpenAI's fields that the gateway supports, and `spar` with its own.

A field that would change the text and is not supported is refused, never ignored. Knows nothing of models.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from services.gateway.errors import GatewayRefusal
from services.gateway.neutral import asks_for_nothing
from services.gateway.turns import MessageBody
from spar.texts import plain_message


class RequestBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamOptions(BaseModel):
    """Other options (`include_obfuscation`, `continuous_usage_stats`) change no text and are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    include_usage: bool = False


class SparOptions(RequestBody):
    """The gateway's own: how much may be spent on a request, and what is reported about it."""

    budget: Annotated[int, Field(gt=0)] | None = None
    """At most so many refinements, or further responses."""
    deadline_s: Annotated[float, Field(gt=0)] | None = None
    tree: bool = False
    """Whether the response includes the tree."""
    branch: Annotated[int, Field(gt=0, le=16)] = 3
    keep: Annotated[int, Field(gt=0, le=16)] = 2
    depth: Annotated[int, Field(gt=0, le=16)] = 3
    votes: Annotated[int, Field(gt=0, le=64)] | None = None


def _stop_strings(given: Any) -> Any:
    """One string or several; an empty one has no effect."""
    strings = [given] if isinstance(given, str) else given
    return [each for each in strings if each not in ("", None)] if isinstance(strings, list) else strings


class ChatForm(RequestBody):
    model: str
    messages: Annotated[list[MessageBody], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    n: Annotated[int, Field(gt=0, le=128)] = 1
    """How many responses; for the actor alone."""
    stop: Annotated[tuple[str, ...], BeforeValidator(_stop_strings), Field(max_length=64)] = ()
    """The text ends before the first of these."""
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    spar: SparOptions = SparOptions()

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_asks_for_nothing(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if not asks_for_nothing(name, value)}

    @model_validator(mode="after")
    def _has_something_to_respond_to(self) -> "ChatForm":
        if all(turn.role != "user" for turn in self.messages):
            raise ValueError("`messages` must have one of the user's")
        if not self.messages[-1].text.strip():
            raise ValueError("the last of `messages` is empty")
        return self


def with_headers(form: ChatForm, headers: Mapping[str, str]) -> ChatForm:
    """The form with X-Spar-Budget, X-Spar-Deadline and X-Spar-Tree, for clients that cannot add fields; fields take
    precedence."""
    given = {
        field: headers[name]
        for name, field in (("x-spar-budget", "budget"), ("x-spar-deadline", "deadline_s"), ("x-spar-tree", "tree"))
        if name in headers
    }
    named = form.spar.model_dump(exclude_unset=True)
    try:
        return form.model_copy(update={"spar": SparOptions.model_validate({**given, **named})})
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise GatewayRefusal(
            400,
            "invalid_request",
            f"A header X-Spar-* is not valid: {field}: {plain_message(error.errors()[0]['msg'])}.",
            "Send X-Spar-Budget: 8, X-Spar-Deadline: 20, X-Spar-Tree: true, or leave them out.",
            param=field,
        ) from error
