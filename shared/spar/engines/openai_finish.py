"""Why a server's reply ended: by itself, at a limit, or aborted. Servers have many words for it."""

from enum import StrEnum


class Finish(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    """Not complete: a limit, a filter, or an unknown reason."""
    BROKEN = "broken"
    """Aborted by the server: to be requested again."""


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
    """`null`, which servers without reasons send, counts as a reply that ended by itself."""
    word = "" if reason is None else str(reason).lower()
    if word in _BROKEN:
        return Finish.BROKEN
    return Finish.STOP if word in _STOP else Finish.LENGTH


def is_token_limit(reason: object) -> bool:
    """Whether the reply ended at max_tokens or at the model's context length."""
    return str(reason).lower() in _TOKEN_LIMIT


def is_known(reason: object) -> bool:
    return reason is None or str(reason).lower() in _STOP | _LENGTH | _BROKEN
