"""Reads what an OpenAI-compatible server sends: completions from a good reply, a typed error from a bad one.

Knows the shapes of JSON, nothing of connections, retries or who asked.
"""

import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Literal

from spar.engines.base import Completion
from spar.errors import ConversationTooLong, EngineError, EngineUnavailable, RequestRefused

KEY_VARIABLE = "SPAR_ENGINE_API_KEY"

_TOO_LONG = re.compile(r"context[ _]length|context window|maximum.{0,20}length|too many tokens|too long", re.I)
_ONE_CHOICE = re.compile(r"one completion choice|['\"`]n['\"`]|\bn (?:must|should|has to) be\b|\bn ?(?:=|>|==) ?1\b")


class OneChoiceOnly(Exception):
    """The server takes no n above 1. Caught by the engine, which then asks n times."""


def read_completions(body: bytes, place: str, max_tokens: int) -> list[Completion]:
    """The choices of a chat completion, in the order of their index. Raises EngineUnavailable for anything else."""
    try:
        reply = json.loads(body)
        choices = sorted(reply["choices"], key=lambda choice: int(choice.get("index") or 0))
        texts = [choice["message"].get("content") or "" for choice in choices]
        reasons = [choice.get("finish_reason") for choice in choices]
        usage = reply.get("usage") or {}
        prompt, completed = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineUnavailable(
            f"{place} sent something that is not a chat completion: {body[:200].decode(errors='replace')!r}.",
            "Check that engine.url is the base URL of an OpenAI-compatible API, such as http://localhost:8000/v1.",
        ) from error
    if not texts:
        raise EngineUnavailable(f"{place} sent a chat completion without choices.", "Look at the server's log.")
    shares = _shares(completed, texts, [reason == "length" for reason in reasons], max_tokens)
    return [
        Completion(text, _finish(reason), prompt, share)
        for text, reason, share in zip(texts, reasons, shares, strict=True)
    ]


def refusal(status: int, body: bytes, place: str, model: str, n: int = 1) -> Exception:
    """The error that a status which is no use to try again stands for."""
    said = error_message(body)
    if status in (401, 403):
        return EngineError(
            f"{place} refuses us (HTTP {status}: {said}).",
            f"Set {KEY_VARIABLE} in the environment to a key that this server accepts.",
        )
    if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(said)):
        return ConversationTooLong(
            f"A prompt and the tokens asked for do not fit into the model {model}: {said}",
            "Shorten the prompt, or lower max_tokens.",
        )
    if status in (400, 422, 501) and n > 1 and _ONE_CHOICE.search(said):
        return OneChoiceOnly(said)
    kind = RequestRefused if status in (400, 422) else EngineError
    return kind(
        f"{place} refused a request for the model {model} (HTTP {status}: {said}).",
        "Check engine.url and the sampling settings against what this server takes.",
    )


def error_message(body: bytes) -> str:
    """What a server says is wrong, in whichever of the usual shapes, on one line and cut to be read."""
    try:
        said: Any = json.loads(body)
    except ValueError:
        said = body.decode(errors="replace")
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    text = " ".join((said if isinstance(said, str) else json.dumps(said)).split())
    return text[:300] or "no message"


def model_names(body: bytes) -> list[str] | None:
    """The names in a /models reply; None if it is not one."""
    try:
        return [str(model["id"]) for model in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError):
        return None


def _finish(reason: object) -> Literal["stop", "length"]:
    # A filtered reply is not whole either; everything else (null, "eos", "tool_calls") ended by itself.
    return "length" if reason in ("length", "max_tokens", "content_filter") else "stop"


def _shares(total: int, texts: Sequence[str], full: Sequence[bool], max_tokens: int) -> list[int]:
    """Servers count the tokens of all choices together: those at the limit are known, the rest goes by length.

    The sum is the server's in any case, and no share is above the limit where that can be.
    """
    least = [max_tokens if is_full else 1 for is_full in full]
    left = total - sum(least)
    if left < 0:  # the server counts otherwise than we do
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
