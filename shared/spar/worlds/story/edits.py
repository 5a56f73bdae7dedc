"""Minimal edits: changes a response only where it breaks its prompt. Knows no verdicts and no reply formats."""

import random
from collections import Counter

from spar.worlds.story.rules import StoryPrompt, content_words, parse_prompt
from spar.worlds.story.words import MARKS, TOPIC_OF
from spar.worlds.story.writing import FreeWords, write


def refined_text(prompt_text: str, response: str, rng: random.Random) -> str:
    """The response with the fewest changes, among the edits below, that make it follow the prompt."""
    prompt = parse_prompt(prompt_text)
    words = [word for word in content_words(response) if word in TOPIC_OF]
    if not words:
        return write(prompt, [], rng)
    free = FreeWords(_main_topic(words), {*words, *prompt.words()}, rng)
    words = [free.draw() if word == prompt.get("without") else word for word in words]
    _fix_ends(words, prompt)
    _fix_with(words, prompt, rng)
    _fix_count(words, prompt, free, rng)
    last = response.split()[-1]
    mark = prompt.get("finish") or (last if last in MARKS else MARKS[0])
    return " ".join([*words, mark])


def _main_topic(words: list[str]) -> str:
    return Counter(TOPIC_OF[word] for word in words).most_common(1)[0][0]


def _fix_ends(words: list[str], prompt: StoryPrompt) -> None:
    """Replace the first or last word, or add one if that word is itself required."""
    start, end = prompt.get("start"), prompt.get("end")
    needed = {end, prompt.get("with")}
    if start is not None and words[0] != start:
        words[: 0 if words[0] in needed else 1] = [start]
    needed = {start, prompt.get("with")}
    if end is not None and words[-1] != end:
        words[len(words) if words[-1] in needed else len(words) - 1 :] = [end]


def _fix_with(words: list[str], prompt: StoryPrompt, rng: random.Random) -> None:
    """Replace a free word by the wanted one, or insert it between the ends if none is free."""
    wanted = prompt.get("with")
    if wanted is None or wanted in words:
        return
    free = _free_places(words, prompt)
    if free:
        words[rng.choice(free)] = wanted
    else:
        words.insert(1 if prompt.get("start") else 0, wanted)


def _fix_count(words: list[str], prompt: StoryPrompt, free: FreeWords, rng: random.Random) -> None:
    if (required := prompt.get("words")) is None:
        return
    while len(words) > int(required):
        del words[rng.choice(_free_places(words, prompt))]
    first = 1 if prompt.get("start") else 0
    while len(words) < int(required):
        last = len(words) - (1 if prompt.get("end") else 0)
        words.insert(rng.randint(first, last), free.draw())


def _free_places(words: list[str], prompt: StoryPrompt) -> list[int]:
    """Indices of words that no constraint needs in their position."""
    fixed = set()
    if prompt.get("start") is not None:
        fixed.add(0)
    if prompt.get("end") is not None:
        fixed.add(len(words) - 1)
    if (wanted := prompt.get("with")) in words:
        fixed.add(words.index(wanted))
    return [i for i in range(len(words)) if i not in fixed]
