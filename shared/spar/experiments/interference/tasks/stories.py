"""Stories with a given beginning and end: five sentences, of which the prompt gives the first and the last.

`start fox finds lamp end owl hides moon` stands for a story that starts and ends with these sentences; those between
are not specified. A starting model often gets one of the two wrong. The refined response is the same story with that
sentence corrected; the interfering one is another, correct story of the same model.
"""

import random
from collections.abc import Sequence

from spar.experiments.interference.tasks.base import Split

WHO = ("fox", "owl", "bear", "crow", "hare", "wolf", "mole", "swan", "toad", "lynx", "deer", "goat")
DOES = ("finds", "hides", "draws", "sells", "drops", "paints", "steals", "burns", "keeps", "cleans", "breaks", "wants")
WHAT = ("lamp", "moon", "boat", "drum", "coat", "rope", "bell", "map", "cake", "door", "ring", "book")
PARTS = (WHO, DOES, WHAT)
SENTENCES = 5
STOP = "."
SPOILT_START, SPOILT_END = 0.15, 0.45  # of a start's responses

Sentence = tuple[str, ...]


class Stories:
    name = "stories"
    words = ("start", "end", STOP, *WHO, *DOES, *WHAT)
    longest = SENTENCES * (len(PARTS) + 1) + 4
    measures = ("accuracy",)

    def prompts(self, split: Split, count: int, seed: int) -> list[str]:
        """Two different sentences each; there are millions, and each split draws its own."""
        rng = random.Random(f"stories:{split}:{seed}")
        found: dict[str, None] = {}
        while len(found) < count:
            first, last = _sentence(rng), _sentence(rng)
            if first != last:
                found[" ".join(("start", *first, "end", *last))] = None
        return list(found)

    def first_response(self, prompt: str, rng: random.Random) -> str:
        first, last = _parse(prompt)
        if rng.random() < SPOILT_START:
            first = _spoilt(first, rng)
        if rng.random() < SPOILT_END:
            last = _spoilt(last, rng)
        hero = rng.choice(WHO)  # a story has one hero, which connects its sentences
        middle = [(hero, rng.choice(DOES), rng.choice(WHAT)) for _ in range(SENTENCES - 2)]
        return _text([first, *middle, last])

    def measure(self, prompt: str, response: str) -> tuple[float, ...]:
        sentences, (first, last) = _sentences(response), _parse(prompt)
        return (float(sentences is not None and sentences[0] == first and sentences[-1] == last),)

    def refine(self, prompt: str, response: str) -> str | None:
        sentences, (first, last) = _sentences(response), _parse(prompt)
        return None if sentences is None else _text([first, *sentences[1:-1], last])

    def interfere(self, prompt: str, refined: str, right: Sequence[str]) -> str | None:
        return next((story for story in right if story != refined), None)


def _sentence(rng: random.Random) -> Sentence:
    return tuple(rng.choice(part) for part in PARTS)


def _spoilt(sentence: Sentence, rng: random.Random) -> Sentence:
    """With one word changed."""
    place = rng.randrange(len(PARTS))
    other = rng.choice([word for word in PARTS[place] if word != sentence[place]])
    return (*sentence[:place], other, *sentence[place + 1 :])


def _parse(prompt: str) -> tuple[Sentence, Sentence]:
    words = prompt.split()
    return tuple(words[1:4]), tuple(words[5:8])


def _text(sentences: Sequence[Sentence]) -> str:
    return " ".join(word for sentence in sentences for word in (*sentence, STOP))


def _sentences(response: str) -> list[Sentence] | None:
    """The five sentences; None if the text does not have this form."""
    words = response.split()
    size = len(PARTS) + 1
    cut = [words[at : at + size] for at in range(0, len(words), size)]
    well_formed = len(cut) == SENTENCES and all(_is_sentence(part) for part in cut)
    return [tuple(part[:-1]) for part in cut] if well_formed else None


def _is_sentence(words: Sequence[str]) -> bool:
    if len(words) != len(PARTS) + 1 or words[-1] != STOP:
        return False
    return all(word in part for word, part in zip(words[:-1], PARTS, strict=True))
