"""The body of a chat completion request, and how it is adapted to a server's refusals. Pure; sends nothing.

A `RequestShape` is what is known about a served model. `adapted` returns the next one to try after a refusal; each
differs from the one before in something that was sent, so there are only a few.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from spar.engines.base import Adjustment, Sampling
from spar.engines.openai_errors import ServerError
from spar.engines.openai_refusals import is_too_long
from spar.engines.openai_room import room_in
from spar.method.records import Message

Optional = Literal["temperature", "top_p", "seed"]
OPTIONAL: tuple[Optional, ...] = ("top_p", "temperature", "seed")
"""What a server may refuse. top_p first: of two that exclude each other, temperature is kept."""
_NOT_SENT = {
    "temperature": Adjustment.TEMPERATURE_NOT_SENT,
    "top_p": Adjustment.TOP_P_NOT_SENT,
    "seed": Adjustment.SEED_NOT_SENT,
}
_NEUTRAL: dict[str, float] = {"temperature": 1.0, "top_p": 1.0}
"""Values that leaving the parameter out does not change, by the API's definition."""
_REFUSED = (400, 413, 422, 500, 501)
_NOT_TAKEN = re.compile(
    r"unsupported|not (?:\w+ )?support|only (?:the default|supports?)|not permitted|not allowed|unrecogni[sz]ed|unknown"
    r"|unexpected|extra[ _](?:inputs|forbidden)|extra_forbidden|deprecated|cannot (?:both )?be|not available"
    r"|use only one|may not be|not a valid (?:param|argument)|not accept",
    re.I,
)
"""Refusals of the parameter itself; a recipe's value that is out of range is an error, and is reported as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestShape:
    """`most_tokens` is the model's limit of any reply, `call_tokens` what one call's prompt leaves room for.

    `positions` is the context length, prompt and reply together, where the server lists it.
    """

    renamed: bool = False
    """max_completion_tokens instead of max_tokens."""
    left_out: frozenset[Optional] = frozenset()
    one_choice: bool = False
    most_tokens: int | None = None
    call_tokens: int | None = None
    positions: int | None = None

    def lasting(self, known: "RequestShape") -> "RequestShape":
        """What both know that holds for further calls."""
        limits = [limit for limit in (self.most_tokens, known.most_tokens) if limit is not None]
        return RequestShape(
            renamed=self.renamed or known.renamed,
            left_out=self.left_out | known.left_out,
            one_choice=self.one_choice or known.one_choice,
            most_tokens=min(limits, default=None),
            positions=self.positions or known.positions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """`n` is the number of choices that the body requests, which may be fewer than wanted."""

    body: Mapping[str, Any]
    n: int
    max_tokens: int
    adjustments: tuple[Adjustment, ...]


def build(
    shape: RequestShape,
    model: str,
    messages: Sequence[Message],
    n: int,
    sampling: Sampling,
    seed: int | None,
    extra: Mapping[str, Any],
) -> ChatRequest:
    """The request for n choices in this shape. Sends no seed if it is None; `extra` are the recipe's own fields."""
    limits = (sampling.max_tokens, shape.most_tokens, shape.call_tokens, shape.positions)
    max_tokens = min(limit for limit in limits if limit is not None)
    wanted = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if seed is not None:
        wanted["seed"] = seed  # sample i gets seed + i by the server
    body: dict[str, Any] = {
        **extra,
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "max_completion_tokens" if shape.renamed else "max_tokens": max_tokens,
        **{name: value for name, value in wanted.items() if name not in shape.left_out},
    }
    choices = 1 if shape.one_choice else n
    if choices > 1:
        body["n"] = choices
    lost = [name for name in OPTIONAL if name in wanted and name not in body]
    adjustments = [_NOT_SENT[name] for name in lost if wanted[name] != _NEUTRAL.get(name)]
    if max_tokens < sampling.max_tokens:
        adjustments.append(Adjustment.MAX_TOKENS_LOWERED)
    return ChatRequest(body=body, n=choices, max_tokens=max_tokens, adjustments=tuple(adjustments))


def adapted(shape: RequestShape, request: ChatRequest, error: ServerError) -> RequestShape | None:
    """The shape to try next; None if the refusal is about nothing that could be sent differently."""
    if error.status not in _REFUSED:
        return None
    if not shape.renamed and _names_max_tokens(error) and _refuses_name(error):
        return replace(shape, renamed=True)
    room = room_in(error.message)
    if room is not None and room.tokens < request.max_tokens:
        return replace(shape, most_tokens=room.tokens) if room.always else replace(shape, call_tokens=room.tokens)
    if error.status == 500 or is_too_long(error):
        return None
    if error.param != "n":
        name = _refused(request, error)
        if name is not None:
            return replace(shape, left_out=shape.left_out | {name})
    # Whatever the reason: one request for a single choice shows whether it was the number of choices.
    return replace(shape, one_choice=True) if request.n > 1 else None


def _names_max_tokens(error: ServerError) -> bool:
    """Whether max_tokens is refused as a parameter: the error names the other spelling, or this one as its `param`."""
    return "max_completion_tokens" in f"{error.message} {error.param}" or error.param == "max_tokens"


def _refuses_name(error: ServerError) -> bool:
    """An error about a limit of max_tokens may name both spellings, and refuses neither."""
    return _NOT_TAKEN.search(f"{error.message} {error.code} {error.type}") is not None or "instead" in error.message


def _refused(request: ChatRequest, error: ServerError) -> Optional | None:
    """The parameter to leave out. A seed, and a value that is the API's default, may be left out for any reason."""
    sent = [name for name in OPTIONAL if name in request.body]
    words = error.param or error.message
    named = [name for name in sent if (name == words if error.param else re.search(rf"\b{name}\b", words))]
    not_taken = _NOT_TAKEN.search(f"{error.message} {error.code} {error.type}") is not None
    return next((name for name in named if not_taken or _may_go(request, name)), None)


def _may_go(request: ChatRequest, name: Optional) -> bool:
    return name == "seed" or request.body[name] == _NEUTRAL[name]
