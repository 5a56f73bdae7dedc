"""What a paged engine still holds of earlier prompts: whole blocks of a prefix, least recently used evicted first.

A prompt is a tuple of spans, each a text's name and its length in tokens; two prompts share the spans that they both
begin with. Sequences that are being decoded hold memory of the same pool. Knows no clock.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK = 16
"""Tokens of a block; a part of a block is not shared."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a prompt that is either shared whole or not at all."""

    text: str
    tokens: int


class PrefixCache:
    """A pool of `capacity` tokens; 0 holds nothing, so that every prompt is computed whole."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[int, int] = OrderedDict()
        """Tokens of each prefix's last span, by the hash of the prefix; the least recently used first."""
        self._cached = 0
        self._reserved = 0

    def fits(self, tokens: int) -> bool:
        """Whether sequences may grow by so many tokens; a pool that nothing else uses always takes one."""
        return not self._reserved or self._reserved + tokens <= self._capacity

    def reserve(self, tokens: int) -> None:
        """Memory for a sequence that is being decoded; what is only kept for reuse makes room."""
        self._reserved += tokens
        self._evict()

    def release(self, tokens: int) -> None:
        self._reserved -= tokens

    def read(self, prompt: Sequence[Span]) -> int:
        """How many of the prompt's first tokens are held, in whole blocks. The prompt is held from now on."""
        hashes = _prefixes(prompt)
        found = 0
        for key, span in zip(hashes, prompt, strict=True):
            if key not in self._held:
                break
            found += span.tokens
        self._keep(hashes, prompt)
        # The last token is always computed: its logits begin the reply.
        length = sum(span.tokens for span in prompt)
        return min(found, length - 1) // BLOCK * BLOCK

    def add(self, conversation: Sequence[Span]) -> None:
        """Hold a prompt with its reply."""
        self._keep(_prefixes(conversation), conversation)

    def _keep(self, hashes: Sequence[int], spans: Sequence[Span]) -> None:
        # The end of a prefix is touched first, and so evicted first: what is left can still be found.
        for key, span in zip(reversed(hashes), reversed(spans), strict=True):
            if key not in self._held:
                self._held[key] = span.tokens
                self._cached += span.tokens
            self._held.move_to_end(key)
        self._evict()

    def _evict(self) -> None:
        while self._held and self._cached + self._reserved > self._capacity:
            self._cached -= self._held.popitem(last=False)[1]


def _prefixes(spans: Sequence[Span]) -> list[int]:
    hashes, before = [], 0
    for span in spans:
        before = hash((before, span.text))
        hashes.append(before)
    return hashes
