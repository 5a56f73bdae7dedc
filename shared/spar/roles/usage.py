"""Shared by all roles: the seeds of their calls, and the count of their usage."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from spar.engines.base import Completion, Sampling
from spar.engines.drawing import Reply
from spar.method.records import Prompt, ReplyFailure
from spar.method.seeds import derive_seed
from spar.recipes.models import SamplingSettings

RESPOND = "respond"
"""Seed step of an actor's responses."""
JUDGE_RESPONSE = "judge_response"
"""Seed step of votes on an actor's response; the path is the response's index."""
NEGATIVE = "negative"
"""Seed step of drawing a prompt's negative, and its sampled pair."""
JUDGE_NODE = "judge_node"
"""Seed step of votes on a text in a tree; the path is the text's hash."""
COMPARE = "compare"
"""Seed step of comparing two judgments; the path is the response's index, then theirs in the order of showing."""
REFINE_NODE = "refine_node"
"""Seed step of refinements; the path is the parent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedScope:
    """The base of every seed of an iteration; it names no run, so that equal work has equal seeds."""

    seed: int
    iteration: int

    def derive(self, prompt: Prompt, step: str, *path: int | str) -> int:
        return derive_seed(self.seed, self.iteration, prompt.id, step, *path)


@dataclass(slots=True, kw_only=True)
class Usage:
    """The calls of a model so far. Roles add to it; its owner reads it.

    `calls` counts requests, even if the search no longer needed the reply; the others count replies. A prompt shared by
    n samples counts once. `failures` counts replies by `ReplyFailure`, `adjustments` replies by the `Adjustment` of
    their request. `estimated_tokens`: those of both kinds that no server counted.
    """

    calls: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    estimated_tokens: int = 0
    adjustments: Counter[str] = field(default_factory=Counter)

    def count(self, replies: Sequence[Reply]) -> None:
        completions = [reply for reply in replies if isinstance(reply, Completion)]
        prompt = completions[0].prompt_tokens if completions else 0
        self.replies += len(completions)
        self.prompt_tokens += prompt
        self.completion_tokens += sum(completion.completion_tokens for completion in completions)
        estimated = [completion for completion in completions if completion.usage_estimated]
        if estimated:
            self.estimated_tokens += prompt + sum(completion.completion_tokens for completion in estimated)
        self.adjustments.update(each.value for completion in completions for each in completion.adjustments)

    def count_failures(self, failures: Sequence[ReplyFailure | None]) -> None:
        self.failures.update(failure.value for failure in failures if failure is not None)

    def add(self, other: "Usage") -> None:
        self.calls += other.calls
        self.replies += other.replies
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.failures.update(other.failures)
        self.estimated_tokens += other.estimated_tokens
        self.adjustments.update(other.adjustments)


def sampling_of(settings: SamplingSettings) -> Sampling:
    return Sampling(temperature=settings.temperature, top_p=settings.top_p, max_tokens=settings.max_tokens)
