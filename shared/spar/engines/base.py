"""The interface to whatever serves a model: an `Engine` loads a model's files and returns a `ChatModel` that replies.

Knows nothing of prompts, templates or queues. tests/contract/test_engines.py runs against every adapter.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from spar.method.records import Message, ReplyFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a reply is drawn. `temperature` 0 is greedy; `max_tokens` counts the reply only."""

    temperature: float
    top_p: float
    max_tokens: int


class Adjustment(StrEnum):
    """How a request differed from the sampling settings, because the server or the model accepts nothing else."""

    MAX_TOKENS_LOWERED = "max_tokens_lowered"
    TEMPERATURE_NOT_SENT = "temperature_not_sent"
    TOP_P_NOT_SENT = "top_p_not_sent"
    SEED_NOT_SENT = "seed_not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One reply. `prompt_tokens` is the whole prompt's length, though n samples share its computation.

    `usage_estimated`: the server reported no token counts, and these are estimates from the texts' lengths. With a
    `failure` the server sent something that is no reply; `text` shows it to people.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    usage_estimated: bool = False
    adjustments: tuple[Adjustment, ...] = ()
    failure: ReplyFailure | None = None


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model where an engine can load it: a directory, or a name that a remote endpoint knows."""

    fingerprint: str
    path: Path | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAddress:
    """Where other programs reach a model over the OpenAI protocol: `url` ends in /v1, `name` is its served name."""

    url: str
    name: str


class ChatModel(Protocol):
    """Replies to conversations. Calls from any number of tasks of one event loop run concurrently."""

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        """Draw n replies; sample i uses seed + i. A prompt that does not fit the model raises ConversationTooLong.

        Cancelling the call stops its work. Raises EngineUnavailable and DeadlineExceeded.
        """
        ...


class Engine(Protocol):
    """Loads and serves models. One per worker process."""

    async def serve(self, model: LocalModel) -> ChatModel:
        """Load the model, or return it if it is loaded. Raises ModelUnusable, EngineUnavailable."""
        ...

    async def close(self) -> None:
        """Release memory, connections and child processes. Calls in flight end with EngineUnavailable."""
        ...


@runtime_checkable
class AddressableEngine(Protocol):
    """An engine that runs a server, which other programs (lm-evaluation-harness) may call."""

    def address(self, model: LocalModel) -> AbstractAsyncContextManager[ModelAddress]:
        """Hold the model at its server: within the block it is neither stopped nor replaced by another model.

        An error that leaves the block is EngineUnavailable if the server has died meanwhile. Raises what `serve` does.
        """
        ...
