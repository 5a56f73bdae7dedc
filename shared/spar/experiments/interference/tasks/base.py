"""What a synthetic task is: prompts, a start that errs, rules, and the two ways to a better response.

Knows no model and no training. Texts are words between blanks; a task's prompts are all of one length.
"""

import random
from collections.abc import Sequence
from typing import Literal, Protocol

Split = Literal["train", "heldout"]
"""train: the start and the pairs. heldout: measured."""


class SyntheticTask(Protocol):
    """One experiment. `measures` names what is measured of a response, the accuracy first; each is a share of 1."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """Every word of prompts and responses."""
        ...

    @property
    def longest(self) -> int:
        """Words of the longest response to be sampled."""
        ...

    @property
    def measures(self) -> tuple[str, ...]: ...

    def prompts(self, split: Split, count: int, seed: int) -> list[str]: ...

    def first_response(self, prompt: str, rng: random.Random) -> str:
        """What the starting model is taught: often right, often not."""
        ...

    def measure(self, prompt: str, response: str) -> tuple[float, ...]:
        """In the order of `measures`. The first is 1 for a response that does what is asked."""
        ...

    def refine(self, prompt: str, response: str) -> str | None:
        """The response, changed only where it breaks the prompt; None if it is too broken for that."""
        ...

    def interfere(self, prompt: str, refined: str, right: Sequence[str]) -> str | None:
        """A response as right as the refined one, that differs in something nobody asked for. `right` are responses of
        the same model that do what is asked; None if there is none to be had."""
        ...
