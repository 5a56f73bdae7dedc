"""IFEval's average, the mean of its four scores, as a mean over prompts, by which runs and strategies are compared.

A prompt's share may be above 1: every instruction has the same weight, so that a prompt with many of them weighs more.
The mean of the shares is the average itself. Checks nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def shares(followed: Sequence[tuple[Sequence[bool], Sequence[bool]]]) -> list[float]:
    """Each prompt's share, from (followed strictly, loosely, by instruction); their mean is the average, 0 to 1."""
    weight = weight_of([len(strict) for strict, _ in followed])
    return [share(strict, loose, weight) for strict, loose in followed]


def share(strict: Sequence[bool], loose: Sequence[bool], weight: float) -> float:
    return (all(strict) + all(loose) + weight * (sum(strict) + sum(loose))) / 4


def weight_of(instructions: Sequence[int]) -> float:
    """The weight of one instruction, prompts divided by instructions, given each prompt's number of instructions."""
    return len(instructions) / sum(instructions)


def shares_of_items(items: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of the scored items that a result keeps, by item."""
    found = shares([(item["strict"], item["loose"]) for item in items])
    return {str(item["item"]): value for item, value in zip(items, found, strict=True)}
