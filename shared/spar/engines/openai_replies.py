"""Reads a chat completion: one completion for each choice that is complete, with its token count.

Knows the forms of the JSON, nothing of connections, retries or errors that servers report as errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil
from typing import Any, Literal

from spar.engines.base import Adjustment, Completion
from spar.engines.openai_finish import Finish, finish_of, is_known, is_token_limit
from spar.errors import EngineUnavailable
from spar.method.records import Message, ReplyFailure
from spar.redaction import redact

CHARACTERS_PER_TOKEN = 4
"""Of English text in the tokenizers of chat models, for servers that report no usage."""
_TURN_TOKENS = 4
"""About what a chat template adds to a turn."""
_SHOWN = 80  # characters of an unknown finish reason
_SPARE = 128  # choices beyond those requested that are read: some servers send more, none sends thousands
_MOST_TOKENS = 10**9  # of one call
_TEXT_PARTS = (None, "text", "output_text")
_REASONING = ("reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`completions` by the index of their choice; those that the server aborted are missing. `number` counts both."""

    completions: Mapping[int, Completion]
    number: int
    unknown_reasons: tuple[str, ...] = ()
    """Unknown finish reasons; their replies count as cut off."""
    only_reasoning: bool = False
    """Whether a reply held reasoning, and no content."""
    lowered: bool = False
    """Whether the server silently applied a lower limit than the tokens requested."""

    def adjusted(self, requested: tuple[Adjustment, ...]) -> "Choices":
        """With the adjustments that the request and the server made to the sampling."""
        lowered = (Adjustment.MAX_TOKENS_LOWERED,) if self.lowered else ()
        adjustments = tuple(dict.fromkeys((*requested, *lowered)))
        marked = {place: replace(each, adjustments=adjustments) for place, each in self.completions.items()}
        return replace(self, completions=marked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReplyChoice:
    place: int
    text: str
    reasoning: str
    reason: object
    failure: ReplyFailure | None = None

    @property
    def written(self) -> int:
        return len(self.text) + len(self.reasoning)


def read_choices(
    data: Any, messages: Sequence[Message], n: int, max_tokens: int, positions: int | None = None
) -> Choices:
    """The choices of a reply to `messages`. Raises ValueError, with the reason, for what is no chat completion.

    Token counts that are missing, or 0 where there is text, are estimated from the texts. `positions` is the context
    length, prompt and reply together, where it is known.
    """
    choices = _choices(data, n)
    full = [is_token_limit(choice.reason) for choice in choices]
    prompt, completed = _usage(data)
    uncounted = completed is None or (completed == 0 and any(choice.written for choice in choices))
    requested = max_tokens
    if positions is not None and prompt:
        max_tokens = min(max_tokens, max(1, positions - prompt))
    lowered = max_tokens < requested or (not uncounted and (completed or 0) < sum(full) * requested)
    estimated = not prompt or uncounted
    if not prompt:
        prompt = _estimated_prompt(messages)
    if uncounted:
        shares = [max(1, min(ceil(each.written / CHARACTERS_PER_TOKEN), max_tokens)) for each in choices]
    else:
        shares = _shares(completed or 0, [each.text for each in choices], full, max_tokens)
    return Choices(
        completions={
            choice.place: Completion(
                text=choice.text,
                finish_reason=_ended(choice.reason),
                prompt_tokens=prompt,
                completion_tokens=share,
                usage_estimated=estimated,
                failure=choice.failure,
            )
            for choice, share in zip(choices, shares, strict=True)
            if finish_of(choice.reason) is not Finish.BROKEN
        },
        number=len(choices),
        unknown_reasons=tuple(
            sorted({str(choice.reason)[:_SHOWN] for choice in choices if not is_known(choice.reason)})
        ),
        only_reasoning=any(choice.reasoning and not choice.text for choice in choices),
        lowered=lowered,
    )


def not_a_completion(place: str, why: str, body: bytes) -> EngineUnavailable:
    shown = redact(body.decode(errors="replace"))[:200]
    return EngineUnavailable(
        f"{place} sent something that is not a chat completion ({why}): {shown!r}.",
        "Check that engine.url is the base URL of an OpenAI-compatible API, such as http://localhost:8000/v1.",
    )


def failed_choices(n: int, why: str, messages: Sequence[Message]) -> Choices:
    """n failed replies, for a server of chat completions that has sent something else for once."""
    prompt = _estimated_prompt(messages)
    failed = Completion(
        text=why,
        finish_reason="stop",
        prompt_tokens=prompt,
        completion_tokens=0,
        usage_estimated=True,
        failure=ReplyFailure.UNPARSABLE,
    )
    return Choices(completions=dict.fromkeys(range(n), failed), number=n)


def _estimated_prompt(messages: Sequence[Message]) -> int:
    return sum(ceil(len(turn.content) / CHARACTERS_PER_TOKEN) + _TURN_TOKENS for turn in messages)


def model_names(data: Any) -> list[str] | None:
    """The names in a /models reply, in its usual forms; None if it is none."""
    listed = _listed(data)
    return None if listed is None else [name for each in listed if (name := _name(each))]


def model_positions(data: Any) -> dict[str, int]:
    """The context length, prompt and reply together, by the names of models that state it as vLLM does.

    vLLM 0.32.0 reports `max_model_len: null` for an adapter, whose base is its `parent`.
    """
    models = {name: each for each in _listed(data) or () if isinstance(each, dict) and (name := _name(each))}
    found = {name: _positions(each, models) for name, each in models.items()}
    return {name: positions for name, positions in found.items() if positions is not None}


def _positions(model: Mapping[str, Any], models: Mapping[str, Any]) -> int | None:
    own = _count(model.get("max_model_len"))
    parent = models.get(str(model.get("parent")), {})
    return own or _count(parent.get("max_model_len")) or None


def _listed(data: Any) -> list[Any] | None:
    if isinstance(data, dict):
        data = next((data[key] for key in ("data", "models") if isinstance(data.get(key), list)), None)
    return data if isinstance(data, list) else None


def _name(model: Any) -> str | None:
    if isinstance(model, dict):
        model = model.get("id") or model.get("name") or model.get("model")
    return model if isinstance(model, str) else None


def _choices(data: Any, n: int) -> list[_ReplyChoice]:
    if not isinstance(data, dict) or not isinstance(data.get("choices"), list):
        raise ValueError("it has no list of choices")
    found = [_choice_or_failure(order, each) for order, each in enumerate(data["choices"][: n + _SPARE])]
    if not found:
        raise ValueError("its list of choices is empty")
    if all(choice.failure for choice in found):
        raise ValueError(found[0].text)
    places = [choice.place for choice in found]
    if len({*places}) < len(places) or max(places) >= n:  # not the indices of n choices: number them in their order
        found = [replace(choice, place=place) for place, choice in enumerate(sorted(found, key=lambda c: c.place))]
    return sorted(found, key=lambda choice: choice.place)[:n]


def _choice_or_failure(order: int, choice: Any) -> _ReplyChoice:
    """A choice that cannot be read fails by itself; the others count."""
    try:
        return _choice(order, choice)
    except ValueError as error:
        return _ReplyChoice(place=order, text=str(error), reasoning="", reason=None, failure=ReplyFailure.UNPARSABLE)


def _choice(order: int, choice: Any) -> _ReplyChoice:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("a choice has no message")
    index = choice.get("index")
    place = index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else order
    reasoning = next((text for key in _REASONING if isinstance(text := message.get(key), str)), "")
    return _ReplyChoice(
        place=place, text=_text(message.get("content")), reasoning=reasoning, reason=choice.get("finish_reason")
    )


def _text(content: Any) -> str:
    """Content as text: the text parts of a list are joined; thinking and other parts are left out."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"its content is neither a text nor a list of parts, but {type(content).__name__}")
    return "".join(_part(part) for part in content)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise ValueError(f"a part of its content is {type(part).__name__}")
    if part.get("type") not in _TEXT_PARTS:
        return ""
    if not isinstance(part.get("text"), str):
        raise ValueError("a text part of its content has no text")
    return str(part["text"])


def _usage(data: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of all choices together; None where they are not reported."""
    usage = data.get("usage")
    reported = usage if isinstance(usage, dict) else {}
    return _count(reported.get("prompt_tokens")), _count(reported.get("completion_tokens"))


def _count(value: Any) -> int | None:
    """Numbers and numbers in quotes; None for what cannot be a count of tokens or does not fit a database column."""
    try:
        count = int(float(value)) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return count if count is not None and 0 <= count <= _MOST_TOKENS else None


def _ended(reason: object) -> Literal["stop", "length"]:
    return "stop" if finish_of(reason) is Finish.STOP else "length"


def _shares(total: int, texts: Sequence[str], full: Sequence[bool], max_tokens: int) -> list[int]:
    """The tokens of each choice, where the server counts them together: those at the limit are known, the others get
    shares by the length of their text.

    The sum is always the server's, and no share is above the limit where that is possible.
    """
    least = [max_tokens if is_full else 1 for is_full in full]
    left = total - sum(least)
    if left < 0:  # the server counts differently
        least, left = [0] * len(texts), total
    lengths = [len(text) + 1 for text in texts]
    ends = [left * end // sum(lengths) for end in accumulate(lengths)]
    wanted = [start + end - begin for start, end, begin in zip(least, ends, [0, *ends], strict=False)]
    shares = [min(share, max_tokens) for share in wanted]
    over = total - sum(shares)
    for index, share in enumerate(shares):
        taken = min(over, max_tokens - share)
        shares[index] += taken
        over -= taken
    shares[-1] += over
    return shares
