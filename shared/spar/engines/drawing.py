"""One call to a model: n replies, each a completion or the typed reason why there is none.

What the model cannot take (too long, refused by its chat template) fails this call alone: others of its step go on.
Errors that may pass, or that concern every call (an engine that is away, a wrong key), are raised. Knows no skill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import ConversationTooLong, DataError
from spar.method.records import Message, ReplyFailure
from spar.texts import is_storable, storable

LONGEST_REPLY = 1 << 20
"""Characters; what models of today can write in one reply is some hundred thousand. Reading more takes minutes."""
_KEPT = 10_000  # characters that are kept of a longer one, to be read by people


@dataclass(frozen=True, slots=True)
class FailedReply:
    """A reply that is no data, whatever it was to be; `text` is to be read by people: the error, or what came."""

    failure: ReplyFailure
    text: str
    finish_reason: Literal["stop", "length"] | None = None


Reply = Completion | FailedReply


async def draw(chat: ChatModel, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Reply]:
    """n replies to a conversation. Raises EngineError only."""
    try:
        completions = await chat.sample(messages, n, sampling, seed)
    except ConversationTooLong as error:
        return [FailedReply(ReplyFailure.TOO_LONG, error.what)] * n
    except DataError as error:
        return [FailedReply(ReplyFailure.REFUSED, error.what)] * n
    return [received(completion) for completion in completions]


def received(completion: Completion) -> Reply:
    """The border for what models and servers wrote: a text that cannot be stored, or is far too long, is no data."""
    text = completion.text
    if len(text) > LONGEST_REPLY:
        shown = f"{storable(text[:_KEPT])} ... ({len(text):,} characters)"
        return FailedReply(completion.failure or ReplyFailure.UNPARSABLE, shown, completion.finish_reason)
    if completion.failure is None and is_storable(text):
        return completion
    return FailedReply(completion.failure or ReplyFailure.UNPARSABLE, storable(text), completion.finish_reason)
