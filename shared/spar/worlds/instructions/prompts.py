"""Prompts of this world: everyday requests under one or two constraints, in any number from a seed.

The request is drawn first, so that all requests are used before one recurs with other constraints. No prompt occurs
twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from spar.errors import DataError
from spar.worlds.instructions.constraints import KINDS, CheckableConstraint

_FORMS = (
    "Give one tip about {}.",
    "Describe {} to a child.",
    "Explain why people like {}.",
    "Write a short message to a friend about {}.",
    "Write an advertisement for {}.",
    "Name something surprising about {}.",
)
_TOPICS = (
    *("walking", "tea", "bread", "libraries", "cycling", "cats", "winter", "chess", "maps", "swimming", "apples"),
    *("trains", "gardens", "honey", "birds", "kites", "soup", "mountains", "letters", "clocks", "rain", "singing"),
    *("museums", "bridges"),
)
MOST = 50_000
"""Prompts of one call: a third of the world's, so that draws seldom collide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckablePrompt:
    """`checkers`: Python sources with a function `evaluate(response)`, one for each constraint of the text."""

    text: str
    checkers: tuple[str, ...]


def checkable_prompts(count: int, seed: int) -> list[CheckablePrompt]:
    """`count` different prompts, the same for the same seed. Raises DataError for more than MOST."""
    if count > MOST:
        raise DataError(
            f"world:instructions has up to {MOST} different prompts, but {count} were requested.",
            "Lower prompts.per_iteration or iterations, or name a prompts file with checkers.",
        )
    rng = Random(f"instructions:{seed}")
    found: dict[str, CheckablePrompt] = {}
    requests = _requests(rng)
    while len(found) < count:
        prompt = _prompt(next(requests), rng)
        found.setdefault(prompt.text, prompt)
    return list(found.values())


def _requests(rng: Random) -> Iterator[str]:
    """Every request in a random order, repeatedly, with a new order in each round."""
    every = [form.format(topic) for form, topic in product(_FORMS, _TOPICS)]
    while True:
        yield from rng.sample(every, len(every))


def _prompt(request: str, rng: Random) -> CheckablePrompt:
    constraints = _constraints(rng)
    return CheckablePrompt(
        text=" ".join([request, *(constraint.wording for constraint in constraints)]),
        checkers=tuple(constraint.checker for constraint in constraints),
    )


def _constraints(rng: Random) -> list[CheckableConstraint]:
    """One or two constraints, of different axes."""
    first, second = rng.sample(KINDS, 2)
    alone = first.axis == second.axis or rng.random() < 0.5
    return [kind.draw(rng) for kind in ((first,) if alone else (first, second))]
