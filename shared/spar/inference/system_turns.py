"""An actor whose chat template takes no system message gets it before the user's first turn, as the refiner does.

Whether a model takes one is learned from its first refusal. Knows nothing of templates or servers.
"""

from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import RequestRefused, TemplateRefused
from spar.method.records import Message


class FoldingSystem:
    """A ChatModel that takes system messages whether or not the model does. Remembers that it does not."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._folds = False

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        folded = fold(messages)
        if self._folds or folded == tuple(messages):
            return await self._chat.sample(folded, n, sampling, seed)
        try:
            return await self._chat.sample(messages, n, sampling, seed)
        except (TemplateRefused, RequestRefused) as refused:
            completions = await self._second_try(folded, n, sampling, seed, refused)
            self._folds = True
            return completions

    async def _second_try(
        self, folded: Sequence[Message], n: int, sampling: Sampling, seed: int, refused: Exception
    ) -> list[Completion]:
        try:
            return await self._chat.sample(folded, n, sampling, seed)
        except (TemplateRefused, RequestRefused):  # it was not the system message
            raise refused from None


def fold(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The system messages' text, before that of the first user turn."""
    rules = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    first = next((index for index, turn in enumerate(turns) if turn.role == "user"), None)
    if not rules or first is None:
        return tuple(messages)
    turns[first] = Message("user", "\n\n".join([*rules, turns[first].content]))
    return tuple(turns)
