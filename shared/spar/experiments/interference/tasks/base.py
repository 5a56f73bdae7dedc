"""A synthetic task: prompts, an imperfect starting behaviour, rules, and two ways to a better response.

Knows no model and no training. Texts are words separated by blanks; a task's prompts all have the same length.
"""

import random
from collections.abc import Sequence
from typing import Literal, Protocol

Split = Literal["train", "heldout"]
"""train: the start and the pairs. heldout: measured."""


class SyntheticTask(Protocol):
    """One experiment. `measures` names a response's measures, the accuracy first; each is a share of 1."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """Every word of prompts and responses."""
        ...

    @property
    def longest(self) -> int:
        """Number of words of the longest response to sample."""
        ...

    @property
    def measures(self) -> tuple[str, ...]: ...

    def prompts(self, split: Split, count: int, seed: int) -> list[str]: ...

    def first_response(self, prompt: str, rng: random.Random) -> str:
        """A response that the starting model is trained on: often right, often not."""
        ...

    def measure(self, prompt: str, response: str) -> tuple[float, ...]:
        """In the order of `measures`. The first is 1 for a response that follows the prompt."""
        ...

    def refine(self, prompt: str, response: str) -> str | None:
        """The response, changed only where it violates the prompt; None if that is not possible."""
        ...

    def interfere(self, prompt: str, refined: str, right: Sequence[str]) -> str | None:
        """A response as right as the refined one that also differs in something unrelated to the prompt. `right` are
        responses of the same model that follow the prompt; None if there is no such response."""
        ...
