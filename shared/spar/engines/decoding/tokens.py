"""Between conversations and token ids, by a tokenizer's own chat template.

Used on the event loop's thread only. Votes, retries and siblings ask with the same messages again and again, and a
template takes longer than a short prompt's decoding: what was encoded lately is remembered.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from spar.checkpoints.chat_template import encode_prompt
from spar.errors import ConversationTooLong
from spar.method.records import Message

REMEMBERED = 4096  # conversations


class ChatTokens:
    """Encodes and decodes for one model. `positions` is how many tokens the model takes in all."""

    def __init__(self, tokenizer: Any, positions: int) -> None:
        self._tokenizer = tokenizer
        self._positions = positions
        self._remembered: OrderedDict[tuple[Message, ...], tuple[int, ...]] = OrderedDict()

    def encode(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Ids of the conversation, up to where the assistant's turn begins.

        Raises ConversationTooLong, TemplateRefused.
        """
        key = tuple(messages)
        ids = self._remembered.get(key)
        if ids is None:
            ids = self._remembered[key] = self._encode(key)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(key)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _encode(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
        ids = encode_prompt(self._tokenizer, messages)
        if len(ids) > self._positions - 1:
            raise ConversationTooLong(
                f"A prompt is {len(ids)} tokens long, but the model takes {self._positions} positions in all.",
                "Shorten the prompt or the prompt templates, or use a model with more positions.",
            )
        return tuple(ids)
