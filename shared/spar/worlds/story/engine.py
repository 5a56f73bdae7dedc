"""The engine of kind `rules`: the story teacher behind the same protocol as a model, for runs without torch.

It recognises the conversations of the compact templates. At temperature 0 it makes no mistake; above, mistakes are
drawn from each call's seed. It knows nothing of models: it serves the teacher for any model.
"""

import random
from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.errors import DataError, EngineUnavailable
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.worlds.story.replies import EXACT, ErrorRates, replying

__all__ = ["EXACT", "ErrorRates", "RulesEngine", "RulesModel", "make"]


class RulesModel:
    """A ChatModel that follows the rules, except for errors at the given rates."""

    def __init__(self, errors: ErrorRates) -> None:
        self._errors = errors
        self.closed = False

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        """Replies by the world's rules, with the configured error rates above temperature 0."""
        if self.closed:
            raise EngineUnavailable("The rules engine is closed.", "Make a new one.")
        make_reply = replying(messages)
        if make_reply is None:
            raise DataError(
                "The rules engine knows only the story world's prompts in the compact templates.",
                "Set templates: compact and prompts.source: world:story.",
            )
        errors = self._errors if sampling.temperature > 0 else EXACT
        prompt_tokens = sum(len(m.content.split()) + 1 for m in messages) + 1
        replies = [make_reply(errors, random.Random(f"rules:{seed + i}")) for i in range(n)]
        return [_completion(text, prompt_tokens, sampling.max_tokens) for text in replies]


def _completion(text: str, prompt_tokens: int, max_tokens: int) -> Completion:
    tokens = text.split()
    if len(tokens) < max_tokens:  # the end token is one of them
        return Completion(
            text=text, finish_reason="stop", prompt_tokens=prompt_tokens, completion_tokens=len(tokens) + 1
        )
    return Completion(
        text=" ".join(tokens[:max_tokens]),
        finish_reason="length",
        prompt_tokens=prompt_tokens,
        completion_tokens=max_tokens,
    )


class RulesEngine:
    """Serves the teacher under any model's name."""

    def __init__(self, errors: ErrorRates) -> None:
        self._model = RulesModel(errors)

    async def serve(self, model: LocalModel) -> ChatModel:
        return self._model

    async def close(self) -> None:
        self._model.closed = True


def make(settings: EngineSettings, errors: ErrorRates | None = None) -> Engine:
    return RulesEngine(errors or ErrorRates())
