"""Character sequences: write a letter a given number of times. Upper or lower case is not specified.

`7 k` stands for seven k. A starting model writes one case throughout, mostly lower, and often miscounts. The refined
response has the case of the rejected one; the interfering one is equally right, in the other case.
"""

import random
import string
from collections.abc import Sequence

from spar.experiments.interference.tasks.base import Split

NUMBERS = range(3, 13)
MISCOUNTS = 0.5  # of a start's responses
SLIP = (-2, -1, 1, 2)
UPPER = 0.1  # of a start's responses
HELD_OUT = 5  # every fifth combination of number and letter is held out


class Characters:
    name = "characters"
    words = (*(str(number) for number in NUMBERS), *string.ascii_lowercase, *string.ascii_uppercase)
    longest = max(NUMBERS) + max(SLIP) + 2
    measures = ("accuracy", "upper case")

    def prompts(self, split: Split, count: int, seed: int) -> list[str]:
        """Drawn with repetition: there are few."""
        everything = [f"{number} {letter}" for number in NUMBERS for letter in string.ascii_lowercase]
        # 26 letters and steps of five: each number and each letter is in both splits.
        mine = [prompt for place, prompt in enumerate(everything) if (place % HELD_OUT == 0) == (split == "heldout")]
        rng = random.Random(f"characters:{split}:{seed}")
        whole, rest = divmod(count, len(mine))
        return [*mine * whole, *rng.sample(mine, rest)]

    def first_response(self, prompt: str, rng: random.Random) -> str:
        number, letter = _parse(prompt)
        if rng.random() < MISCOUNTS:
            number = max(1, number + rng.choice(SLIP))
        return " ".join([letter.upper() if rng.random() < UPPER else letter] * number)

    def measure(self, prompt: str, response: str) -> tuple[float, ...]:
        written = response.split()
        upper = sum(word.isupper() for word in written) / len(written) if written else 0.0
        return float(_is_right(prompt, response)), upper

    def refine(self, prompt: str, response: str) -> str | None:
        written, (number, letter) = response.split(), _parse(prompt)
        if not written or any(word not in (letter, letter.upper()) for word in written):
            return None
        return " ".join([written[0]] * number)

    def interfere(self, prompt: str, refined: str, right: Sequence[str]) -> str | None:
        return refined.swapcase()


def _parse(prompt: str) -> tuple[int, str]:
    number, letter = prompt.split()
    return int(number), letter


def _is_right(prompt: str, response: str) -> bool:
    number, letter = _parse(prompt)
    return [word.lower() for word in response.split()] == [letter] * number
