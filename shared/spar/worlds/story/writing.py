"""Writes responses that break exactly the given constraints, with free content otherwise.

Free words are irrelevant differences between two responses to one prompt: the interfering content that refined pairs
keep fixed and sampled pairs do not (arXiv 2412.11605, section 1). Knows no verdicts.
"""

import random
from collections.abc import Collection, Iterable

from spar.worlds.story.prompts import WORD_COUNTS
from spar.worlds.story.rules import Constraint, StoryPrompt
from spar.worlds.story.words import CONTENT_WORDS, MARKS, TOPICS

TOPIC_SHARE = 0.8  # free words from the response's own topic; the rest come from anywhere
COUNT_SLIP = 3  # a broken word count is off by at most this
SHORTEST = 3
STRAY = 0.3  # how often a broken start or end still has its word, elsewhere in the response


class FreeWords:
    """Draws words to fill a response: mostly of one topic, each at most once, none to avoid."""

    def __init__(self, topic: str, avoid: Iterable[str], rng: random.Random) -> None:
        self._topic = topic
        self._rng = rng
        self._used = set(avoid)

    @classmethod
    def of_any_topic(cls, avoid: Iterable[str], rng: random.Random) -> "FreeWords":
        return cls(rng.choice(list(TOPICS)), avoid, rng)

    def draw(self) -> str:
        pool: Collection[str] = TOPICS[self._topic] if self._rng.random() < TOPIC_SHARE else CONTENT_WORDS
        left = [word for word in pool if word not in self._used]
        if not left:
            left = [word for word in CONTENT_WORDS if word not in self._used] or list(CONTENT_WORDS)
        word = self._rng.choice(left)
        self._used.add(word)
        return word


def write(prompt: StoryPrompt, broken: Collection[Constraint], rng: random.Random) -> str:
    """A response whose violations are exactly `broken`."""
    kept = {c.kind: c.argument for c in prompt.constraints if c not in broken}
    lost = {c.kind: c.argument for c in broken}
    free = FreeWords.of_any_topic(prompt.words(), rng)
    inside = [word for word in (kept.get("with"), lost.get("without")) if word is not None]
    length = _length(kept.get("words"), lost.get("words"), len(inside) + 2, rng)

    slots: list[str | None] = [None] * length
    slots[0] = kept.get("start") or (free.draw() if "start" in lost else None)
    slots[-1] = kept.get("end") or (free.draw() if "end" in lost else None)
    strays = [lost[kind] for kind in ("start", "end") if kind in lost and rng.random() < STRAY]
    for index, word in enumerate([*inside, *strays]):
        must = index < len(inside)
        _put(slots, word, must, rng)
    words = [word if word is not None else free.draw() for word in slots]
    return " ".join([*words, _mark(kept, lost, rng)])


def _length(kept: str | None, lost: str | None, needed: int, rng: random.Random) -> int:
    if kept is not None:
        return int(kept)
    if lost is None:
        return rng.choice(WORD_COUNTS)
    shortest = max(SHORTEST, needed)
    wrong = int(lost)
    near = [n for n in range(wrong - COUNT_SLIP, wrong + COUNT_SLIP + 1) if n != wrong and n >= shortest]
    return rng.choice(near)


def _put(slots: list[str | None], word: str, must: bool, rng: random.Random) -> None:
    """Put the word into a free slot. Strays avoid the ends, where they would fix a broken constraint."""
    free = [i for i, taken in enumerate(slots) if taken is None and (must or 0 < i < len(slots) - 1)]
    if free:
        slots[rng.choice(free)] = word


def _mark(kept: dict[str, str], lost: dict[str, str], rng: random.Random) -> str:
    if "finish" in kept:
        return kept["finish"]
    return rng.choice([mark for mark in MARKS if mark != lost.get("finish")])
