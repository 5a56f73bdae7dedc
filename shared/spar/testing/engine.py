"""The simulated engine: deterministic replies from no model at all, with a latency if wanted. Public, for tests.

A reply is a function of the model's fingerprint, the messages, the sampling and the sample's seed. What is written is
`spar.testing.behaviour`'s; this file knows nothing of it but that it is text.
"""

import asyncio
from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.calls import CallsInFlight
from spar.errors import ConversationTooLong, DeadlineExceeded, ModelUnusable
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.testing.behaviour import SimulatedBehaviour, SimulatedCall, simulate

CONTEXT = 8192
"""Words that a prompt may have: about what small chat models take."""
_TURN = 4
"""Tokens that a chat template adds to a turn."""


class SimulatedModel:
    def __init__(
        self,
        fingerprint: str,
        behaviour: SimulatedBehaviour,
        calls: CallsInFlight,
        latency: float = 0.0,
        deadline_s: float = 600.0,
    ) -> None:
        self._fingerprint = fingerprint
        self._behaviour = behaviour
        self._calls = calls
        self._latency = latency
        self._deadline = deadline_s

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        completions = complete(self._fingerprint, self._behaviour, messages, n, sampling, seed)
        await self._calls.run(self._take_time())
        return completions

    async def _take_time(self) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                await asyncio.sleep(self._latency)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The simulated engine was not done within {self._deadline:g} s.",
                "Raise engine.deadline_s, or lower engine.latency.",
            ) from None


class SimulatedEngine:
    """Serves any name, and any directory that exists."""

    def __init__(self, settings: EngineSettings, behaviour: SimulatedBehaviour | None = None) -> None:
        self._settings = settings
        self._behaviour = behaviour or SimulatedBehaviour()
        self._calls = CallsInFlight("simulated")

    async def serve(self, model: LocalModel) -> ChatModel:
        self._calls.check_open()
        if model.path is not None and not model.path.is_dir():
            raise ModelUnusable(f"There is no model at {model.path}.", "Give the directory of a model.")
        settings = self._settings
        return SimulatedModel(model.fingerprint, self._behaviour, self._calls, settings.latency, settings.deadline_s)

    async def close(self) -> None:
        await self._calls.close()


def make(settings: EngineSettings) -> Engine:
    return SimulatedEngine(settings)


def complete(
    fingerprint: str,
    behaviour: SimulatedBehaviour,
    messages: Sequence[Message],
    n: int,
    sampling: Sampling,
    seed: int,
    context: int = CONTEXT,
) -> list[Completion]:
    """The n replies. Greedy replies are all one: their seed does not matter."""
    prompt_tokens = prompt_length(messages)
    if prompt_tokens > context:
        raise ConversationTooLong(
            f"The prompt has {prompt_tokens} tokens; the simulated model takes {context}.", "Shorten it."
        )
    key = f"{fingerprint}|{sampling.temperature}|{sampling.top_p}"
    seeds = [seed + index if sampling.temperature > 0 else 0 for index in range(n)]
    call = SimulatedCall(messages)
    return [_completion(behaviour, call, key, one, sampling, prompt_tokens) for one in seeds]


def prompt_length(messages: Sequence[Message]) -> int:
    """Words as tokens, and what a chat template adds."""
    return sum(len(message.content.split()) + _TURN for message in messages)


def _completion(
    behaviour: SimulatedBehaviour,
    call: SimulatedCall,
    key: str,
    seed: int,
    sampling: Sampling,
    prompt_tokens: int,
) -> Completion:
    reply = simulate(behaviour, call, key, seed)
    words = reply.text.split(" ")
    if len(words) >= sampling.max_tokens:  # no place is left for the end token
        return Completion(
            text=" ".join(words[: sampling.max_tokens]),
            finish_reason="length",
            prompt_tokens=prompt_tokens,
            completion_tokens=sampling.max_tokens,
        )
    tokens = len(words) if reply.text else 0
    return Completion(
        text=reply.text,
        finish_reason="length" if reply.cut else "stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=tokens + 1,
    )
