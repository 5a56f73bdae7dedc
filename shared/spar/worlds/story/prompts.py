"""Makes prompts of the story world, such as `start knife ; words 6 ; with harp`.

A prompt's split is a hash of its text, so no prompt is in two splits, whatever count or seed made it; the constraints
have a fixed order, so that no prompt is a reordering of another. Knows nothing of responses.
"""

import hashlib
import random
from typing import Literal, get_args

from spar.errors import DataError
from spar.worlds.story.words import CONTENT_WORDS

Split = Literal["train", "selfplay", "heldout"]
"""train: for the starting models; selfplay: for the loop; heldout: only for evaluation."""

KINDS: tuple[str, ...] = ("start", "end", "words", "with", "without", "finish")
"""Every kind of constraint, in their order in a prompt."""

WORD_COUNTS = range(4, 11)  # four words can satisfy every other constraint at once, so each prompt can be followed
HOW_MANY = {1: 15, 2: 40, 3: 45}  # constraints of a prompt: weight in percent
SPLIT_OF_20: tuple[Split, ...] = ("train",) * 10 + ("selfplay",) * 6 + ("heldout",) * 4
MAX_MISSES = 100_000  # draws in a row without a new prompt: the split has no more


def split_of(prompt_text: str) -> Split:
    digest = hashlib.sha256(f"story-split:{prompt_text}".encode()).digest()
    return SPLIT_OF_20[int.from_bytes(digest[:8], "big") % len(SPLIT_OF_20)]


def draw_prompt(rng: random.Random) -> str:
    """One prompt of any split, with distinct words."""
    count = rng.choices(list(HOW_MANY), weights=list(HOW_MANY.values()))[0]
    kinds = sorted(rng.sample(KINDS, count), key=KINDS.index)
    words = iter(rng.sample(CONTENT_WORDS, len(KINDS)))
    return " ; ".join(f"{kind} {_argument(kind, next(words), rng)}" for kind in kinds)


def _argument(kind: str, word: str, rng: random.Random) -> str:
    if kind == "words":
        return str(rng.choice(WORD_COUNTS))
    return "!" if kind == "finish" else word


def generate_prompts(count: int, seed: int, split: Split) -> list[str]:
    """`count` distinct prompts of one split; the same arguments give the same list.

    Raises DataError for an unknown split, and if the split has too few prompts.
    """
    if split not in get_args(Split):
        raise DataError(f"Unknown split '{split}'.", f"Choose one of: {', '.join(get_args(Split))}.")
    rng = random.Random(f"story-prompts:{split}:{seed}")
    found: dict[str, None] = {}
    misses = 0
    while len(found) < count:
        text = draw_prompt(rng)
        if split_of(text) == split and text not in found:
            found[text] = None
            misses = 0
        else:
            misses += 1
        if misses > MAX_MISSES:
            raise DataError(f"The split '{split}' has only {len(found)} prompts.", "Request fewer.")
    return list(found)
