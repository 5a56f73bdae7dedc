"""IFEval's average, the mean of its four scores, as a mean over prompts: what runs and strategies are compared by.

A prompt's share may be above 1: instructions count alike, whichever prompt they belong to, so that a prompt with many
weighs more. The shares' mean is the average itself. Checks nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def shares(followed: Sequence[tuple[Sequence[bool], Sequence[bool]]]) -> list[float]:
    """Of each prompt (followed strictly, loosely, by instruction) its share: their mean is the average, from 0 to 1."""
    weight = weight_of([len(strict) for strict, _ in followed])
    return [share(strict, loose, weight) for strict, loose in followed]


def share(strict: Sequence[bool], loose: Sequence[bool], weight: float) -> float:
    return (all(strict) + all(loose) + weight * (sum(strict) + sum(loose))) / 4


def weight_of(instructions: Sequence[int]) -> float:
    """What one instruction counts for: prompts by instructions, given how many instructions each prompt has."""
    return len(instructions) / sum(instructions)


def shares_of_items(items: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of the scored items that a result keeps, by item."""
    found = shares([(item["strict"], item["loose"]) for item in items])
    return {str(item["item"]): value for item, value in zip(items, found, strict=True)}
