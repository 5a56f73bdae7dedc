"""The interface of selection: one prompt's row for the actor's training, or the outcome that is the reason for none.

One file beside this one is one policy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from spar.method.outcomes import unusable
from spar.method.records import (
    Example,
    ExampleKind,
    JudgedPrompt,
    JudgedResponse,
    JudgmentFailure,
    Message,
    Outcome,
    Pair,
    Tree,
)

Choice = Pair | Example | Outcome


@dataclass(frozen=True, slots=True)
class Material:
    """The facts of one prompt. `tree` is None if nothing was searched, or if the search was lost.

    `seed` is this prompt's own; `options` are the policy's, complete.
    """

    judged: JudgedPrompt
    tree: Tree | None
    seed: int
    options: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """How a prompt's row is chosen. `makes` pairs (an actor's DPO) or examples (its SFT).

    `searches`: its shards go through the tree search. `responses` is the least number of responses that a prompt needs.
    `options` are the policy's settings, with their defaults.
    """

    name: str
    makes: Literal["pairs", "examples"]
    choose: Callable[[Material], Choice]
    searches: bool = False
    responses: int = 1
    options: Mapping[str, float] = field(default_factory=dict)


def scored(judged: JudgedPrompt) -> list[tuple[float, JudgedResponse]]:
    """The responses that have a value and a label or a tie, in their order: those that can be compared."""
    return [
        (judgment.value, item)
        for item in judged.responses
        if (judgment := item.judgment) is not None
        and judgment.value is not None
        and judgment.failure is not JudgmentFailure.NO_QUORUM
    ]


def none_is_good(judged: JudgedPrompt) -> Outcome:
    """The outcome of a prompt without a response labelled Yes."""
    judgments = [item.judgment for item in judged.responses if item.judgment is not None]
    if any(judgment.label is not None for judgment in judgments):
        return Outcome.UNSOLVED
    if any(judgment.failure is JudgmentFailure.TIED for judgment in judgments):
        return Outcome.TIED
    return unusable(judged)


def example_of(prompt: str, prompt_id: str, response: str) -> Example:
    """A row for an actor's fine-tuning: the bare prompt, and a response."""
    return Example(prompt_id, ExampleKind.RESPONSE, (Message("user", prompt), Message("assistant", response)))
