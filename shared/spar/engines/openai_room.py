"""The limit of tokens that a refusal of `max_tokens` names: of every call, or with this call's prompt.

Pure. Each pattern is the wording of a server; tests/unit/engines/test_openai_room.py has the messages and their limits.
"""

import re
from dataclasses import dataclass

_MAX = r"max_?(?:completion|output|new)?_?tokens['\"`]*"
_LIMITS = (
    re.compile(r"cannot be greater than max_model_len=(\d+)", re.I),  # vLLM
    re.compile(r"supports at most (\d+) (?:completion|output) tokens", re.I),  # OpenAI
    re.compile(rf"{_MAX}: \d+ > (\d+)", re.I),  # Anthropic
    re.compile(rf"valid range of {_MAX} is \[\d+, ?(\d+)\]", re.I),  # DeepSeek
    re.compile(rf"range of {_MAX} should be \[\d+, ?(\d+)\]", re.I),  # DashScope
    re.compile(rf"{_MAX}.{{0,60}}?(?:less than or equal to|at most|not exceed|<=) ['\"`]?(\d+)", re.I),  # Groq
)
"""Of every call to the model."""
_BELOW = re.compile(rf"{_MAX}.*supported range is from \d+ \(inclusive\) to (\d+) \(exclusive\)", re.I)  # Vertex AI
_CONTEXT = (
    re.compile(r"(?:maximum )?context length (?:is only|is|of) (\d+) tokens", re.I),
    re.compile(r"must be <= (\d+)", re.I),  # TGI, Together
)
_PROMPT = (
    re.compile(r"(?:request has|passed) (\d+) input tokens", re.I),  # vLLM
    re.compile(r"(\d+) (?:tokens )?(?:in|from) the (?:input )?messages", re.I),  # OpenAI, SGLang
    re.compile(r"(\d+) of text input", re.I),  # OpenRouter
    re.compile(r"given: (\d+) ['\"`]?inputs", re.I),  # TGI
)
_SUM = re.compile(r"exceed context limit: (\d+) \+ \d+ > (\d+)", re.I)  # Anthropic
_COMMA = re.compile(r"(?<=\d),(?=\d{3}\b)")


@dataclass(frozen=True, slots=True)
class Room:
    """`always`: the limit of every call to the model; otherwise of a call with this prompt."""

    tokens: int
    always: bool


def room_in(message: str) -> Room | None:
    """None if the refusal names no limit, or one below a single token: then the prompt itself does not fit."""
    text = _COMMA.sub("", message)
    left = _left(text)
    if left is not None:
        return Room(left, always=False) if left > 0 else None
    limit = _first(_LIMITS, text)
    below = _BELOW.search(text)
    if below is not None:
        limit = int(below[1]) - 1
    return Room(limit, always=True) if limit else None


def _left(text: str) -> int | None:
    summed = _SUM.search(text)
    if summed is not None:
        return int(summed[2]) - int(summed[1])
    context, prompt = _first(_CONTEXT, text), _first(_PROMPT, text)
    return None if context is None or prompt is None else context - prompt


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    return next((int(found[1]) for pattern in patterns if (found := pattern.search(text))), None)
