"""The seam of selection: what one prompt gives to the actor's training, or the outcome that says why nothing.

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
    """What is known of one prompt. `tree` is None where nothing was searched, or where the search never came back.

    `seed` is this prompt's own; `options` are the policy's, complete.
    """

    judged: JudgedPrompt
    tree: Tree | None
    seed: int
    options: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """How a prompt's row is chosen. `makes` pairs (an actor's DPO) or examples (its SFT).

    `searches`: its shards go through the tree search. `responses` is how many responses a prompt needs at least.
    `options` are the settings it knows, with their defaults.
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
    """Why a prompt without a response labelled Yes gives nothing."""
    judgments = [item.judgment for item in judged.responses if item.judgment is not None]
    if any(judgment.label is not None for judgment in judgments):
        return Outcome.UNSOLVED
    if any(judgment.failure is JudgmentFailure.TIED for judgment in judgments):
        return Outcome.TIED
    return unusable(judged)


def example_of(prompt: str, prompt_id: str, response: str) -> Example:
    """What an actor is fine-tuned on: the bare prompt, and a response."""
    return Example(prompt_id, ExampleKind.RESPONSE, (Message("user", prompt), Message("assistant", response)))
