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
    return [_storable(completion) for completion in completions]


def _storable(completion: Completion) -> Reply:
    """Half a surrogate pair, from a server's broken JSON, is no text: no file can hold it."""
    clean = completion.text.encode("utf-8", "replace").decode("utf-8")
    if clean == completion.text:
        return completion
    return FailedReply(ReplyFailure.UNPARSABLE, clean, completion.finish_reason)
