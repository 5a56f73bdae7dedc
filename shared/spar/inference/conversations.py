"""Conversations as models take them: as the one prompt that a refiner judges by, and for an actor whose chat template
has no system message. Knows nothing of templates or servers.
"""

from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import RequestRefused, TemplateRefused
from spar.method.records import Message, Prompt

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def prompt_of(messages: Sequence[Message]) -> Prompt:
    """The conversation as one prompt: a single user turn as it is, as in training, after the system messages.

    A longer conversation is written out with its speakers, so that the refiner sees what the last turn refers to.
    """
    rules = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    if len(turns) == 1:
        spoken = turns[0].content
    else:
        spoken = "\n\n".join(f"{_SPEAKERS[turn.role]}: {turn.content}" for turn in turns)
    return Prompt.of("\n\n".join([*rules, spoken]))


class FoldingSystem:
    """A ChatModel that accepts system messages even if the model refuses them: then they precede the first user turn.

    Whether the model accepts them is learned from its first refusal.
    """

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
    """The conversation with the system messages' text before that of the first user turn."""
    rules = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    first = next((index for index, turn in enumerate(turns) if turn.role == "user"), None)
    if not rules or first is None:
        return tuple(messages)
    turns[first] = Message("user", "\n\n".join([*rules, turns[first].content]))
    return tuple(turns)
