"""Which fields of a request have no effect: clients send them with a value that changes no text. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "max_tokens": (-1,),
    "max_completion_tokens": (-1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "length_penalty": (1,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "reasoning_effort": ("none",),
    "thinking": ({"type": "disabled"},),
    "best_of": (1,),
    "min_tokens": (0,),
    "min_p": (0,),
    "top_k": (-1, 0),
    "add_generation_prompt": (True,),
    "skip_special_tokens": (True,),
}
"""By field: the values that mean its default. `tool_choice` without tools selects nothing."""
HARMLESS = frozenset(
    {
        "cache_control",
        "metadata",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
"""Fields that change no text, whatever their value: accepted."""


def is_nothing(value: object) -> bool:
    """null, false, and empty values have no effect in any field. A zero may have one."""
    return value is None or value is False or value in ("", [], {})


def asks_for_nothing(name: str, value: object) -> bool:
    """Whether leaving out the top-level field gives the same reply."""
    return name in HARMLESS or is_nothing(value) or value in NEUTRAL.get(name, ())


def _nothing(value: Any) -> None:
    if not is_nothing(value):
        raise PydanticCustomError("unsupported", "this gateway serves text only, and its models call no tools")


Nothing = Annotated[None, BeforeValidator(_nothing)]
"""A field that is known and not supported: accepted where it has no effect."""
