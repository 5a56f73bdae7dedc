"""What a server's error means for its call: another attempt, or which of our errors is raised.

Every rule is a pure function of the error that the server reported.
"""

import re

from spar.engines.openai_errors import ServerError
from spar.errors import ConversationTooLong, EngineError, EngineUnavailable, PromptRefused, RequestRefused, SparError

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, *range(520, 525), 529})
"""Worth another attempt: the server, or a proxy in front of it, is busy, starting, or timed out."""
_TIMED_OUT = (408, 504, 524)
_TOO_LONG_STATUS = (400, 413, 422, 500)  # 500: llama.cpp
_TOO_LONG_NAMES = re.compile(
    r"context_length_exceeded|exceed_context_size|context_window|prompt_too_long|input_too_long|request_too_large"
    r"|tokens_limit_reached|string_above_max_length|context_too_large"
)
_TOO_LONG_PARAMS = re.compile(r"|messages?|prompt|inputs?|input_tokens|max_(?:completion_|new_|output_)?tokens")
"""A refusal of any other parameter is not about the conversation."""
_TOO_LONG_WORDS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?:exceed|longer|only|greater|reach|overflow|maximum|beyond|too large)"
        r".*context[ _-]?(?:length|window|size|limit)",
        r"context[ _-]?(?:length|window|size|limit).*(?:exceed|only|is \d|reach|overflow)",
        r"\b(?:prompt|input|request|conversation)\b(?: is)? too (?:long|large)",
        r"(?:prompt|input).{0,60}too large for model",
        r"(?:prompt|input|request).{0,40}exceed.{0,40}(?:token limit|max(?:imum)? (?:\w+ )?length|number of tokens)",
        r"input token count|too many (?:input |prompt )?tokens|total number of tokens in the prompt",
        r"maximum (?:prompt|input|sequence) length",
        r"`inputs`.*(?:must have less than|must be <=)",
        r"range of input length",
        r"reduce the length of the (?:messages|prompt|input)",
        r"do not fit into the model",
    )
)
LEAST_BODY_LIMIT = 64 * 1024
"""Bytes: no server or proxy bounds a request tighter than this unless it was set to (the least default is 100 kB)."""
_NO_QUOTA = re.compile(r"insufficient_quota|billing|credit balance|insufficient (?:balance|credits)|payment", re.I)
_FILTERED = re.compile(
    r"content_?filter|content[ _]policy|ResponsibleAIPolicy|content management policy|invalid_prompt"
    r"|data_inspection_failed|(?:input|prompt|content|request)\b.{0,40}\b(?:flagged|inappropriate|sensitive)"
    r"|flagged by moderation",
    re.I,
)


def is_transient(error: ServerError, statuses: frozenset[int] = TRANSIENT) -> bool:
    """Whether the same request may succeed at the next attempt."""
    return error.status in statuses and not is_too_long(error) and not _no_quota(error)


def is_too_long(error: ServerError) -> bool:
    """Whether the conversation and the tokens requested for the reply exceed the model's context."""
    return error.status == 413 or _says_too_long(error)


def _says_too_long(error: ServerError) -> bool:
    """By its wording: the status 413 alone may come from a proxy that knows nothing of models."""
    if _TOO_LONG_NAMES.search(f"{error.code} {error.type}"):
        return True
    if error.status not in _TOO_LONG_STATUS or not _TOO_LONG_PARAMS.fullmatch(error.param):
        return False
    return any(pattern.search(error.message) for pattern in _TOO_LONG_WORDS)


def refusal(error: ServerError, place: str, model: str, key_variable: str, sent: int = 0) -> SparError:
    """The error for the caller when no attempt is left. `sent`: bytes of the conversation's text."""
    what = f"HTTP {error.status}: {error.message}"
    if error.status == 413 and sent <= LEAST_BODY_LIMIT and not _says_too_long(error):
        # It would refuse every conversation, so none of them may be counted as too long.
        return EngineUnavailable(
            f"{place} refuses even small requests as too large ({what}).",
            "Raise the limit of request bodies of the server, or of the proxy in front of it.",
        )
    if is_too_long(error):
        return ConversationTooLong(
            f"A prompt and the tokens requested do not fit into the model {model}: {error.message}",
            "Shorten the prompt, or lower max_tokens.",
        )
    if _no_quota(error):
        return EngineError(f"{place} has no quota left for this key ({what}).", "Top it up, or use another key.")
    if error.status in _TIMED_OUT:
        return EngineUnavailable(
            f"{place} timed out ({what}).", "Lower max_tokens or engine.max_batch, or raise the server's time limit."
        )
    if _is_filtered(error):
        return PromptRefused(f"{place} refused the content of a prompt ({error.message}).", "Leave the prompt out.")
    if error.status in (401, 403):
        return EngineError(
            f"{place} does not accept our credentials (HTTP {error.status}: {error.message}).",
            f"Set {key_variable} in the environment to a key that this server accepts.",
        )
    if error.status in TRANSIENT or error.status >= 500:
        return EngineUnavailable(
            f"{place} cannot be used ({what}).",
            "Check that the server runs and that engine.url is its address; then run the command again.",
        )
    kind = RequestRefused if error.status in (400, 422) else EngineError
    return kind(
        f"{place} refused a request for the model {model} ({what}).",
        "Check engine.url, engine.body and the sampling settings against what this server takes.",
    )


def _is_filtered(error: ServerError) -> bool:
    words = f"{error.code} {error.type} {error.message}"
    return error.status in (400, 403, 422) and _FILTERED.search(words) is not None


def _no_quota(error: ServerError) -> bool:
    words = f"{error.code} {error.type} {error.message}"
    return error.status == 402 or (error.status in (400, 403, 429) and _NO_QUOTA.search(words) is not None)
