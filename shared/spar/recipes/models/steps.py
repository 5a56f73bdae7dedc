"""An iteration before its trainings: prompts, responses, judgments, searches, comparisons and selection."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from spar.method import defaults
from spar.method.policies import PolicyName
from spar.method.refiner_data import RefinerDataRules
from spar.recipes.models.base import (
    Count,
    Misfit,
    Positive,
    Probability,
    Section,
    Share,
    Temperature,
    Unit,
    omitted_when_default,
)


class PromptSettings(Section):
    """The source of prompts, and how they are divided into iterations and shards."""

    source: str
    """`world:story`, or the path of a JSONL file of {"prompt": "..."} rows."""
    per_iteration: Annotated[Positive, Unit("prompts")] = 10_000
    """Prompts of each iteration; no prompt is used in two, unless `reuse` is true."""
    shard_size: Annotated[Positive, Unit("prompts")] = 16
    """Prompts per shard, the work of one step."""
    reuse: bool = omitted_when_default(False)
    """Every iteration uses the same prompts, instead of the next ones of the source, and the same instructions of a
    backward model (generation.policy instruct)."""


class SamplingSettings(Section):
    """How replies are sampled."""

    identity: ClassVar[str] = "SamplingSettings"
    temperature: Temperature
    """Sampling temperature; 0 is greedy."""
    top_p: Probability = 1.0
    """Nucleus sampling: the probability mass to sample from."""
    max_tokens: Annotated[Positive, Unit("tokens")] = defaults.REPLY_TOKENS
    """Token limit of a reply; replies cut off at it are counted."""


class GenerationSettings(SamplingSettings):
    """How the actor is prompted, and how its responses are sampled."""

    identity: ClassVar[str] = "GenerationSettings"
    n: Annotated[Positive, Unit("responses")] = defaults.RESPONSES
    """Responses per prompt (the paper's K)."""
    temperature: Temperature = defaults.RESPONSE_TEMPERATURE
    """Sampling temperature of responses; 0 is greedy."""
    top_p: Probability = defaults.RESPONSE_TOP_P
    """Nucleus sampling of responses: the probability mass to sample from."""
    policy: str = omitted_when_default("respond")
    """How a prompt is used: a policy of `spar.method.generating`, or an entry point of spar.generation_policies."""


class JudgmentSettings(SamplingSettings):
    """How the refiner judges responses, and the refinements of a search."""

    identity: ClassVar[str] = "JudgmentSettings"
    votes: Annotated[Positive, Unit("votes")] = defaults.VOTES
    """Judgments of each response and each node; the label is their majority."""
    quorum: Annotated[Positive, Unit("votes")] = defaults.QUORUM
    """Parsable votes required for a judgment (profile paper: 1)."""
    retries: Annotated[Count, Unit("times")] = defaults.RETRIES
    """Retries of missing votes (profile paper: 0; for nodes it has search.vote_rounds)."""
    temperature: Temperature = defaults.TEMPERATURE
    """Sampling temperature of votes; 0 is greedy."""
    policy: str = omitted_when_default("verdict")
    """How a response is judged: a policy of `spar.method.judging`, or an entry point of spar.judgment_policies."""
    options: dict[str, float] = omitted_when_default({})
    """The policy's options, such as {good: 5}."""

    @model_validator(mode="after")
    def _quorum_is_reachable(self) -> "JudgmentSettings":
        if self.quorum > self.votes:
            what = f"quorum {self.quorum} is more than votes {self.votes}: lower one, or raise the other"
            raise Misfit(what, ("quorum", "votes"))
        return self


class SearchSettings(SamplingSettings):
    """The tree search for a refinement of each negative."""

    identity: ClassVar[str] = "SearchSettings"
    former_keys: ClassVar[Mapping[str, str]] = {"keep": "beam_width", "gate": "accept_threshold"}
    policy: PolicyName = "bfs"
    """bfs, dfs: breadth or depth first. greedy: one refinement. best_of_n: many of the same response. iterative: each
    of the last one."""
    branch: Annotated[Positive, Unit("refinements")] = defaults.BRANCH
    """Refinements per expanded node."""
    beam_width: Annotated[Positive, Unit("nodes")] = defaults.KEEP
    """Nodes per level that are expanded further: the best by votes."""
    depth: Annotated[Positive, Unit("levels")] = defaults.DEPTH
    """Levels of refinements below the response."""
    accept_threshold: Share = defaults.GATE
    """A node whose V is above it solves the tree."""
    retries: Annotated[Count, Unit("times")] = defaults.RETRIES
    """Retries of a failed refinement (profile paper: 8)."""
    vote_rounds: Annotated[Positive | None, Unit("rounds")] = omitted_when_default(None)
    """Resample all votes on a node until they have a majority, in at most this many rounds (profile paper: 3). Null:
    request missing votes up to the quorum. A node that still has no majority is pruned."""
    stop_when_decided: bool = True
    """Stop a level once no later sibling can change which node wins (profile paper: false)."""
    temperature: Temperature = defaults.TEMPERATURE
    """Sampling temperature of refinements; 0 is greedy."""
    max_tokens: Annotated[Positive, Unit("tokens")] = defaults.REFINEMENT_TOKENS
    """Token limit of a reply with a refinement; replies cut off at it are not used."""


_REFINER_DATA = RefinerDataRules()


class RefinerDataSettings(Section):
    """Caps and choices of the refiner's data; the defaults are the paper's."""

    identity: ClassVar[str] = "RefinerDataSettings"
    refinements: Annotated[Count, Unit("examples")] = _REFINER_DATA.refinements
    """At most this many refinements."""
    tree_yes: Annotated[Count, Unit("examples")] = _REFINER_DATA.tree_yes
    """At most this many Yes judgments of nodes."""
    tree_no: Annotated[Count, Unit("examples")] = _REFINER_DATA.tree_no
    """At most this many No judgments of nodes."""
    response_no: Annotated[Count, Unit("examples")] = _REFINER_DATA.response_no
    """At most this many No judgments of responses."""
    response_yes: Annotated[Count, Unit("examples")] = _REFINER_DATA.response_yes
    """At most this many Yes judgments of responses."""
    contested_only: bool = _REFINER_DATA.contested_only
    """The paper's rule: exclude unanimous votes. False: use every labelled judgment."""
    balance: bool = _REFINER_DATA.balance
    """Reduce Yes and No judgments to equal numbers."""


class SelectionSettings(Section):
    """What is selected from an iteration's prompts for training."""

    identity: ClassVar[str] = "SelectionSettings"
    pairs: str = "refined"
    """What a prompt contributes to the actor's training: a policy of `spar.method.selecting`, or an entry point of
    spar.selection_policies. refined: the search's result over the negative. sampled: a good over a bad response."""
    max_pairs: Annotated[Positive | None, Unit("rows")] = None
    """At most this many rows for the actor per iteration; null: all. The others have the outcome over_cap."""
    refiner: RefinerDataSettings = RefinerDataSettings()
    """The refiner's training data."""
    options: dict[str, float] = omitted_when_default({})
    """The policy's options, such as {rho: 0.3}."""


class ComparisonSettings(SamplingSettings):
    """Judgments of one response compared with each other, two at a time in both orders (Meta-Rewarding)."""

    identity: ClassVar[str] = "ComparisonSettings"
    judgments: Annotated[int, Field(ge=2), Unit("judgments")] = 11
    """At most this many judgments per response are compared: n of them make n (n - 1) comparisons."""
    temperature: Temperature = defaults.TEMPERATURE
    """Sampling temperature of comparisons; 0 is greedy."""
    max_chars: Annotated[Positive | None, Unit("characters")] = None
    """A longer chosen judgment makes no pair, so that judgments do not grow over the iterations."""
