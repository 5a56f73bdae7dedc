"""Why a server's reply ended: by itself, at a limit, or broken off. Servers have many words for it."""

from enum import StrEnum


class Finish(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    """Not whole: a limit, a filter, or a reason that nobody knows."""
    BROKEN = "broken"
    """The server gave up: the reply is to be requested again."""


_STOP = frozenset(
    {"", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token", "tool_calls", "tool_use", "complete"}
    | {"function_call", "finish", "finished", "end", "done", "completed"}
)
_TOKEN_LIMIT = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "context_length", "limit", "max_length"}
    | {"model_context_window_exceeded", "length_capped"}
)
_LENGTH = frozenset(
    {*_TOKEN_LIMIT, "insufficient_system_resource"}
    | {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "refusal"}
)
_BROKEN = frozenset({"error", "abort", "aborted", "cancelled", "canceled", "failed", "timeout"})


def finish_of(reason: object) -> Finish:
    """`null` is how servers that know no reasons say that a reply ended."""
    word = "" if reason is None else str(reason).lower()
    if word in _BROKEN:
        return Finish.BROKEN
    return Finish.STOP if word in _STOP else Finish.LENGTH


def is_token_limit(reason: object) -> bool:
    """Whether the reply has as many tokens as there was room for, of what was requested or of the model."""
    return str(reason).lower() in _TOKEN_LIMIT


def is_known(reason: object) -> bool:
    return reason is None or str(reason).lower() in _STOP | _LENGTH | _BROKEN
