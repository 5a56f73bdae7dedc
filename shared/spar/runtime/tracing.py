"""Records every call of a worker's models, for a pilot. Changes neither requests nor replies."""

import asyncio
import hashlib
import threading
from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.method.records import Message, Prompt
from spar.recipes.init import FIRST, step_name
from spar.runtime.steps import current_step
from spar.runtime.trace import TracedCall


class Tracer:
    """Gives models that note their calls. A call belongs to the longest of the prompts that its first message holds."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._prompts = sorted(prompts, key=lambda prompt: -len(prompt.text))
        self._calls: list[TracedCall] = []
        self._lock = threading.Lock()

    def observe(self, chat: ChatModel) -> ChatModel:
        return _Noted(chat, self)

    def taken(self) -> list[TracedCall]:
        """What was noted since the last time."""
        with self._lock:
            calls, self._calls = self._calls, []
        return calls

    def note(self, messages: Sequence[Message], completions: Sequence[Completion], began: float, ended: float) -> None:
        """Keep one call's sizes and times (seconds of one clock), under the step that made it."""
        message = current_step.get()
        spec = getattr(message, "spec", None)
        call = TracedCall(
            kind=step_name(getattr(spec, "iteration", FIRST), type(spec).__name__.removesuffix("Spec").lower()),
            part=str(getattr(spec, "part", "")),
            unit=self._unit(messages[0].content),
            prompt_tokens=completions[0].prompt_tokens if completions else 0,
            lengths=tuple(completion.completion_tokens for completion in completions),
            began=began,
            ended=ended,
        )
        with self._lock:
            self._calls.append(call)

    def _unit(self, text: str) -> str:
        held = next((prompt.id for prompt in self._prompts if prompt.text in text), None)
        return held or hashlib.sha256(text.encode()).hexdigest()[:16]


class _Noted:
    def __init__(self, chat: ChatModel, tracer: Tracer) -> None:
        self._chat = chat
        self._tracer = tracer

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        clock = asyncio.get_running_loop().time
        began, completions = clock(), []
        try:
            completions = await self._chat.sample(messages, n, sampling, seed)
            return completions
        finally:  # a cancelled call was made, too
            self._tracer.note(messages, completions, began, clock())
