"""Models of known quality: a text is a marker that states whether it is good and how many tokens it represents.

`[r 1f0c 1 347]` is a good response of 347 tokens. Verdicts agree with the marker with a given probability, so the
accuracy of judgments is known and no long texts are written. Everything is a function of the conversation and the seed,
so sample i of a call does not depend on how many are drawn with it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from spar.method.records import Message
from spar.testing.prefix_cache import Span

_MARK = re.compile(r"\[([prjx]) (\w+) ([\d.]+) (\d+)\]")
_CHARACTERS_A_TOKEN = 4
TURN_TOKENS = 5
"""What a chat template adds to a turn."""
SPREAD = 0.35
"""Sigma of the logarithm of a length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Mean tokens when an 8B model follows instructions; a refinement comprises its reflection and its text."""

    prompt: int = 250
    response: int = 350
    judgment: int = 250
    refinement: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`concentration` None: half of the responses and refinements are good, independent of their prompt. Otherwise each
    prompt's share of good ones is drawn from a Beta distribution of this concentration."""

    good: float = 0.5
    concentration: float | None = None
    agreement: float = 0.85
    """The probability that a vote agrees with the truth."""
    lengths: Lengths = field(default_factory=Lengths)

    def prompts(self, number: int, seed: int) -> list[str]:
        draw = Random(seed)
        return [
            _mark("p", f"{index:x}", self._share(draw), _length(self.lengths.prompt, draw)) for index in range(number)
        ]

    def _share(self, draw: Random) -> str:
        if self.concentration is None:
            return f"{self.good:.4f}"
        return f"{draw.betavariate(self.concentration * self.good, self.concentration * (1 - self.good)):.4f}"

    def reply(self, kind: str, messages: Sequence[Message], seed: int) -> str:
        key = hashlib.sha256("\x00".join(message.content for message in messages).encode()).hexdigest()
        draw = Random(f"{key}|{seed}")
        name = f"{draw.getrandbits(48):x}"
        marks = _MARK.findall(messages[0].content)
        share = float(marks[0][2])
        if kind == "respond":
            return _mark("r", name, str(int(draw.random() < share)), _length(self.lengths.response, draw))
        if kind == "judge":
            good = (marks[1][2] == "1") == (draw.random() < self.agreement)
            evidence = _mark("j", name, "0", _length(self.lengths.judgment, draw))
            verdict = "Yes" if good else "No"
            return f"{evidence}\nFinal Judgement (if the Output accurately follows the Prompt): {verdict}"
        good, text = draw.random() < share, _length(self.lengths.response, draw)
        reflection = _mark("x", name, "0", max(1, round(text * (self.lengths.refinement / self.lengths.response - 1))))
        return f"{reflection}\nFinal Refined Output: [[start]] {_mark('r', name, str(int(good)), text)} [[end]]"


def kind_of(messages: Sequence[Message]) -> str:
    """The step a conversation belongs to, given the built-in templates."""
    if len(messages) > 1:
        return "refine"
    return "judge" if len(_MARK.findall(messages[0].content)) > 1 else "respond"


@lru_cache(1 << 16)
def tokens_of(text: str) -> int:
    """The length of a text in which each marker counts as many tokens as it states."""
    named = sum(int(mark[3]) for mark in _MARK.findall(text))
    return max(1, named + len(_MARK.sub("", text)) // _CHARACTERS_A_TOKEN)


def spans_of(messages: Sequence[Message]) -> tuple[Span, ...]:
    """A conversation as the prefix cache sees it: template text, marked texts and replies, each shared as a whole."""
    spans: list[Span] = []
    for message in messages:
        # A reply in a conversation is the same span that was decoded.
        spans += [reply_span(message.content)] if message.role == "assistant" else _cut(message.content)
    return tuple(spans)


def reply_span(text: str) -> Span:
    return Span(text, tokens_of(text))


@lru_cache(1 << 16)
def _cut(content: str) -> list[Span]:
    spans, end = [], 0
    for found in _MARK.finditer(content):
        if found.start() > end:
            spans.append(reply_span(content[end : found.start()]))
        spans.append(Span(found.group(), int(found.group(4))))
        end = found.end()
    if end < len(content):
        spans.append(reply_span(content[end:]))
    return [Span("turn", TURN_TOKENS), *spans]


def _mark(kind: str, name: str, value: str, tokens: int) -> str:
    return f"[{kind} {name} {value} {tokens}]"


def _length(mean: int, draw: Random) -> int:
    return max(8, round(mean * draw.lognormvariate(-SPREAD * SPREAD / 2, SPREAD)))
