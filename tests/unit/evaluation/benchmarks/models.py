"""A model whose every reply is known, for the requests of benchmarks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from spar.benchmark_registry import BENCHMARKS
from spar.engines.base import Completion, Sampling
from spar.errors import ConversationTooLong, EngineError
from spar.evaluation.benchmarks.requests import BenchmarkRequest
from spar.method.records import Message
from spar.method.templates import builtin_templates
from spar.recipes.models import AskSettings

YES = "Final Judgement: Yes"
NO = "Final Judgement: No"


class Scripted:
    """Says what it is told to for a conversation's last turn, and remembers how it was asked."""

    def __init__(self, say: Callable[[str], str], finish: Literal["stop", "length"] = "stop") -> None:
        self._say, self._finish = say, finish
        self.asked: list[tuple[str, int, Sampling]] = []

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        text = messages[-1].content
        self.asked.append((text, n, sampling))
        return [
            Completion(text=self._say(text), finish_reason=self._finish, prompt_tokens=7, completion_tokens=3)
            for _ in range(n)
        ]


class Refusing:
    """Takes no conversation: all are too long for it."""

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        raise ConversationTooLong("The prompt is longer than the model.", "Shorten it.")


class Failing:
    """Fails one call by its number, from 0, as a server does; the others get a reply."""

    def __init__(self, number: int, error: EngineError) -> None:
        self._number, self._error = number, error
        self.asked = 0

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        number, self.asked = self.asked, self.asked + 1
        if number == self._number:
            raise self._error
        return [Completion(text=YES, finish_reason="stop", prompt_tokens=7, completion_tokens=3) for _ in range(n)]


def request_of(
    name: str,
    model: Scripted | Refusing | Failing,
    data: Path,
    judge: Scripted | Refusing | None = None,
    **settings: int,
) -> BenchmarkRequest:
    return BenchmarkRequest(
        benchmark=BENCHMARKS[name],
        model=model,
        data=data,
        settings=AskSettings(**settings),  # type: ignore[arg-type]
        templates=builtin_templates("spar"),
        seed=3,
        judge=judge,
    )
