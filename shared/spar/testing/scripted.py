"""A ChatModel whose replies a test scripts, and which records its prompts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from spar.engines.base import Completion, Sampling
from spar.method.records import Message

Script = Callable[[Sequence[Message], int], str]
"""The reply to a conversation, given the number of the call, from 0."""


@dataclass(slots=True)
class ScriptedModel:
    """Replies one after the other, in the order of the calls; an exception that the script raises is the call's."""

    script: Script
    finish_reason: Literal["stop", "length"] = "stop"
    prompts: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        call = len(self.prompts)
        self.prompts.append(messages[-1].content)
        self.seeds.append(seed)
        text = self.script(messages, call)
        return [
            Completion(
                text=text, finish_reason=self.finish_reason, prompt_tokens=10, completion_tokens=len(text.split())
            )
            for _ in range(n)
        ]
