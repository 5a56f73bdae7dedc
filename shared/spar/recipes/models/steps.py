"""One iteration before its trainings: prompts, responses, judgments, searches, comparisons, and what is selected."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from spar.recipes.models.base import Count, Misfit, Positive, Probability, Section, Share, Temperature, later


class PromptSettings(Section):
    """Where prompts come from, and how they are cut into iterations and shards."""

    source: str
    """`world:story`, or the path of a JSONL file of {"prompt": "..."} rows."""
    per_iteration: Positive = 10_000
    shard_size: Positive = 16


class SamplingSettings(Section):
    temperature: Temperature
    top_p: Probability = 1.0
    max_tokens: Positive = 2048


class GenerationSettings(SamplingSettings):
    n: Positive = 5
    """Responses per prompt (the paper's K)."""
    temperature: Temperature = 0.9
    top_p: Probability = 0.9
    policy: str = later("respond")
    """What is asked about a prompt: `spar.method.generating`, or an entry point of spar.generation_policies."""


class JudgmentSettings(SamplingSettings):
    votes: Positive = 5
    quorum: Positive = 3
    """Parsable votes that a judgment needs (profile paper: 1)."""
    retries: Count = 3
    """How often missing votes on a response are asked for again (profile paper: 0); on a node, search.retries."""
    temperature: Temperature = 0.7
    policy: str = later("verdict")
    """How a response is judged: `spar.method.judging`, or an entry point of spar.judgment_policies."""
    options: dict[str, float] = later({})
    """The policy's own settings, such as {good: 5}."""

    @model_validator(mode="after")
    def _quorum_is_reachable(self) -> "JudgmentSettings":
        if self.quorum > self.votes:
            what = f"quorum {self.quorum} is more than votes {self.votes}: lower one, or raise the other"
            raise Misfit(what, ("quorum", "votes"))
        return self


class SearchSettings(SamplingSettings):
    """Tree search (METHOD section 2). Policies: see `spar.method.policies`."""

    policy: Literal["greedy", "best_of_n", "iterative", "bfs", "dfs"] = "bfs"
    branch: Positive = 3
    keep: Positive = 2
    depth: Positive = 3
    gate: Share = 0.5
    """A node whose V is above the gate solves the tree."""
    retries: Count = 3
    stop_when_decided: bool = True
    """Stop a level once no later sibling can change which node wins (profile paper: False)."""
    temperature: Temperature = 0.7
    max_tokens: Positive = 3072


class RefinerDataSettings(Section):
    """Caps and choices of the refiner's data; the defaults are the paper's."""

    refinements: Count = 4000
    tree_yes: Count = 1500
    tree_no: Count = 1000
    response_no: Count = 500
    response_yes: Count = 2500
    contested_only: bool = True
    """The paper's rule: leave unanimous votes out. False takes every labelled judgment."""
    balance: bool = False
    """Cut Yes and No judgments to equal numbers."""


class SelectionSettings(Section):
    pairs: str = "refined"
    """What a prompt gives to the actor's training: `spar.method.selecting`, or an entry point of
    spar.selection_policies. refined: the search's result over the negative. sampled: a good over a bad response."""
    max_pairs: Positive | None = None
    refiner: RefinerDataSettings = RefinerDataSettings()
    options: dict[str, float] = later({})
    """The policy's own settings, such as {rho: 0.3}."""


class ComparisonSettings(SamplingSettings):
    """Judgments of one response compared with each other, two at a time in both orders (Meta-Rewarding)."""

    judgments: Annotated[int, Field(ge=2)] = 11
    """At most so many judgments of a response are compared: n of them make n (n - 1) comparisons."""
    temperature: Temperature = 0.7
    max_words: Positive | None = None
    """A chosen judgment with more words makes no pair, so that judgments don't grow from iteration to iteration."""
