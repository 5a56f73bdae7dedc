"""One call to a model: n replies, each a completion or the typed reason why there is none.

A conversation that the model cannot take (too long, refused by its chat template) fails this call alone, and the other
calls of its step continue. Transient errors, and those that concern every call (an unreachable engine, a wrong key),
are raised. Knows nothing of what the replies are for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import ConversationTooLong, DataError
from spar.method.records import Message, ReplyFailure
from spar.texts import is_storable, storable

LONGEST_REPLY = 1 << 20
"""Characters; today's models write some hundred thousand in one reply at most. Parsing more takes minutes."""
_KEPT = 10_000  # characters that are kept of a longer one, for people to read


@dataclass(frozen=True, slots=True)
class FailedReply:
    """A reply that cannot be used; `text` is for people to read: the error, or what was received."""

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
    """The boundary for text from models and servers: one that cannot be stored, or is far too long, is a failure."""
    text = completion.text
    if len(text) > LONGEST_REPLY:
        shown = f"{storable(text[:_KEPT])} ... ({len(text):,} characters)"
        return FailedReply(completion.failure or ReplyFailure.UNPARSABLE, shown, completion.finish_reason)
    if completion.failure is None and is_storable(text):
        return completion
    return FailedReply(completion.failure or ReplyFailure.UNPARSABLE, storable(text), completion.finish_reason)
