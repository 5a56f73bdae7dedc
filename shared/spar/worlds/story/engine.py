"""The engine of kind `rules`: the story teacher behind the same protocol as a model, for runs without torch.

It recognises the three conversations of the compact templates. At temperature 0 it makes no mistake; above,
mistakes are drawn from each call's seed. It knows nothing of models: whatever it is asked to serve, it serves
the teacher.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from spar.engines.base import ChatModel, Completion, Engine, LocalModel, Sampling
from spar.errors import DataError, EngineUnavailable
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.worlds.story import teacher
from spar.worlds.story.conversation import Task, recognise
from spar.worlds.story.rules import violations


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How often a sampled reply is wrong. The defaults make about what the carried models do at the start."""

    respond: float = 0.2  # per constraint
    judge: float = 0.03  # per judgment
    refine: float = 0.25  # per refinement


EXACT = ErrorRates(0.0, 0.0, 0.0)


class RulesModel:
    """A ChatModel that follows the rules, but for the errors it is told to make."""

    def __init__(self, errors: ErrorRates) -> None:
        self._errors = errors
        self.closed = False

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        if self.closed:
            raise EngineUnavailable("The rules engine is closed.", "Make a new one.")
        task = recognise(messages)
        if task is None:
            raise DataError(
                "The rules engine knows only the story world's prompts in the compact templates.",
                "Set templates: compact and prompts.source: world:story.",
            )
        errors = self._errors if sampling.temperature > 0 else EXACT
        prompt_tokens = sum(len(m.content.split()) + 1 for m in messages) + 1
        replies = [reply(task, errors, random.Random(f"rules:{seed + i}")) for i in range(n)]
        return [_completion(text, prompt_tokens, sampling.max_tokens) for text in replies]


def reply(task: Task, errors: ErrorRates, rng: random.Random) -> str:
    """The teacher's whole reply to a task, wrong as often as `errors` says."""
    if task.response is None:
        return teacher.respond(task.prompt, rng, errors.respond)
    if not task.refines:
        wrong = rng.random() < errors.judge
        if wrong:
            return teacher.misjudge(task.prompt, task.response, rng)
        return teacher.judge(task.prompt, task.response)
    if rng.random() < errors.refine and violations(task.prompt, task.response):
        return teacher.marked(teacher.respond_breaking(task.prompt, rng, 1))
    return teacher.refine(task.prompt, task.response, rng)


def _completion(text: str, prompt_tokens: int, max_tokens: int) -> Completion:
    tokens = text.split()
    if len(tokens) < max_tokens:  # the end token is one of them
        return Completion(text, "stop", prompt_tokens, len(tokens) + 1)
    return Completion(" ".join(tokens[:max_tokens]), "length", prompt_tokens, max_tokens)


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
