"""Requests to an actor and a refiner together, and their results. Facts only."""

from dataclasses import dataclass
from enum import StrEnum

from spar.engines.base import ChatModel, Sampling
from spar.method.defaults import REPLY_TOKENS, RESPONSE_TEMPERATURE, RESPONSE_TOP_P
from spar.method.records import Message, Tree
from spar.roles.usage import Usage

RESAMPLING = Sampling(temperature=RESPONSE_TEMPERATURE, top_p=RESPONSE_TOP_P, max_tokens=REPLY_TOKENS)
"""Sampling of further responses if the first was greedy: as in self-play (arXiv 2412.11605, section 3.1)."""


class StopReason(StrEnum):
    """Why an inference ended, which determines what its text is."""

    ACTOR = "actor"  # the strategy is the actor alone
    ACCEPTED = "accepted"  # the actor's response was judged good
    SOLVED = "solved"  # the search found a text that is judged good
    UNSOLVED = "unsolved"  # the search ended without one: the best text so far
    DEADLINE = "deadline"  # the best text at the deadline
    ENGINE_FAILED = "engine_failed"  # the best text when a model became unreachable
    UNJUDGED = "unjudged"  # no quorum of votes on the response: there is no critique to refine from
    RESPONSE_FAILED = "response_failed"  # the response is empty or no text: there is nothing to judge


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleModels:
    actor: ChatModel
    refiner: ChatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """A conversation that waits for a response, and how the actor samples it."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int = 0
    n: int = 1
    """Responses of the actor; more than one only if the strategy is the actor alone."""
    stop: tuple[str, ...] = ()
    """Texts end before the first of these strings."""


@dataclass(slots=True, kw_only=True)
class CallCounters:
    """Requests so far, whether or not their replies were used; `votes` counts replies."""

    generations: int = 0
    refinements: int = 0
    judgments: int = 0
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A further response of the actor alone, where several were requested."""

    text: str
    cut_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceResult:
    """The best text and how it came to be.

    `value` is V of `text`, None if it was not judged. `tree` is the search's tree, even if the search did not finish;
    None if nothing was judged. `reason` is the failure, if any.
    """

    text: str
    ending: StopReason
    cut_off: bool
    value: float | None
    tree: Tree | None
    counts: CallCounters
    actor: Usage
    refiner: Usage
    reason: str | None = None
    more: tuple[Choice, ...] = ()
