"""Reads what an OpenAI-compatible server sends: completions from a good reply, a typed error from a bad one.

Knows the shapes of JSON, nothing of connections, retries or who asked.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from spar.engines.base import Completion
from spar.errors import DataError, EngineError, EngineUnavailable

KEY_VARIABLE = "SPAR_ENGINE_API_KEY"

_TOO_LONG = re.compile(r"context[ _]length|context window|maximum.{0,20}length|too many tokens|too long", re.I)
_ONE_CHOICE = re.compile(r"one completion choice|['\"`]n['\"`]|\bn (?:must|should|has to) be\b|\bn ?(?:=|>|==) ?1\b")


class OneChoiceOnly(Exception):
    """The server takes no n above 1. Caught by the engine, which then asks n times."""


def read_completions(body: bytes, place: str) -> list[Completion]:
    """The choices of a chat completion, in the order of their index. Raises EngineUnavailable for anything else."""
    try:
        reply = json.loads(body)
        choices = sorted(reply["choices"], key=lambda choice: int(choice.get("index") or 0))
        texts = [choice["message"].get("content") or "" for choice in choices]
        reasons = [_finish(choice.get("finish_reason")) for choice in choices]
        usage = reply.get("usage") or {}
        prompt, completed = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineUnavailable(
            f"{place} sent something that is not a chat completion: {body[:200].decode(errors='replace')!r}.",
            "Check that engine.url is the base URL of an OpenAI-compatible API, such as http://localhost:8000/v1.",
        ) from error
    if not texts:
        raise EngineUnavailable(f"{place} sent a chat completion without choices.", "Look at the server's log.")
    shares = _shares(completed, texts)
    return [Completion(text, reason, prompt, share) for text, reason, share in zip(texts, reasons, shares, strict=True)]


def refusal(status: int, body: bytes, place: str, model: str, n: int = 1) -> Exception:
    """The error that a status which is no use to try again stands for."""
    said = error_message(body)
    if status in (401, 403):
        return EngineError(
            f"{place} refuses us (HTTP {status}: {said}).",
            f"Set {KEY_VARIABLE} in the environment to a key that this server accepts.",
        )
    if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(said)):
        return DataError(
            f"A prompt and the tokens asked for do not fit into the model {model}: {said}",
            "Shorten the prompt, or lower max_tokens.",
        )
    if status in (400, 422, 501) and n > 1 and _ONE_CHOICE.search(said):
        return OneChoiceOnly(said)
    return EngineError(
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


def _shares(total: int, texts: Sequence[str]) -> list[int]:
    """Servers count the tokens of all choices together: split by the texts' lengths, so that the sum is right."""
    weights = [len(text) + 1 for text in texts]
    shares = [total * weight // sum(weights) for weight in weights]
    shares[-1] += total - sum(shares)
    return shares
