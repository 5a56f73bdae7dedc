"""The nouns of the method, as frozen dataclasses: what is generated, judged, refined and selected.

A record is a fact. It knows nothing of engines, files or how it was created; `spar.store.rows` writes it as JSON.
Source of the terms: arXiv 2412.11605, section 2.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

Path = tuple[int, ...]
"""A node's position: () is the root, (2, 0) the first child of the root's third child."""


class Verdict(StrEnum):
    """The verdict of one vote, or of the majority, on a response: does it follow the prompt?"""

    YES = "yes"
    NO = "no"


class ReplyFailure(StrEnum):
    """Why a model's reply is not usable. Failures are counted, redrawn within bounds, and never trained on."""

    EMPTY = "empty"
    CUT_OFF = "cut_off"  # stopped by the token limit
    UNPARSABLE = "unparsable"  # the required form is missing
    TOO_LONG = "too_long"  # never drawn: the conversation does not fit into the model
    REFUSED = "refused"  # never drawn: the model's chat template, or its server, refuses the conversation
    UNCHANGED = "unchanged"  # a refinement that repeats its parent's text

    @property
    def permanent(self) -> bool:
        """Sampling again would end the same way."""
        return self in (ReplyFailure.TOO_LONG, ReplyFailure.REFUSED)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What an actor is prompted with. `id` is the hash of the text, so that seeds and caches follow the text."""

    id: str
    text: str

    @classmethod
    def of(cls, text: str) -> "Prompt":
        return cls(id=hashlib.sha256(text.encode()).hexdigest()[:16], text=text)


@dataclass(frozen=True, slots=True)
class Response:
    """One of the K responses of an actor to a prompt; with a `failure` its text is kept for reading, and never chosen.

    The text of a reply that was never drawn is the error, as for votes and refinements. `finish_reason` is the
    engine's, None if no reply was drawn or an older version did not keep it.
    """

    index: int
    text: str
    failure: ReplyFailure | None = None
    finish_reason: str | None = None

    @property
    def judgeable(self) -> bool:
        """A response that the token limit cut off is judged as it is, so that an actor learns not to ramble."""
        return self.failure is None or (self.failure is ReplyFailure.CUT_OFF and bool(self.text))


@dataclass(frozen=True, slots=True)
class Vote:
    """One sampled judgment reply: a verdict, or the reason there is none.

    `round` counts from 0: later rounds replace votes that were missing. `finish_reason` as in `Response`.
    """

    reply: str
    verdict: Verdict | None = None
    failure: ReplyFailure | None = None
    finish_reason: str | None = None
    round: int = 0


class JudgmentFailure(StrEnum):
    """Why a set of votes has no label."""

    TIED = "tied"  # no majority, after all rounds
    NO_QUORUM = "no_quorum"  # too few parsable votes, after all retries or rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """The result of a set of votes.

    `value` is V = yes / (yes + no) over parsable votes, None if there is none. `critique` is the whole reply of the
    first vote that agrees with `label`. Exactly one of `label` and `failure` is None. `redrawn` are the votes of
    earlier rounds without a majority, which were redrawn and do not count.
    """

    votes: tuple[Vote, ...]
    label: Verdict | None
    failure: JudgmentFailure | None
    value: float | None
    critique: str | None
    redrawn: tuple[Vote, ...] = ()

    @property
    def drawn(self) -> int:
        """How many votes this judgment took, the redrawn ones included."""
        return len(self.votes) + len(self.redrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """One sampled refine reply: the refined text, or the reason there is none. `finish_reason` as in `Response`."""

    reply: str
    text: str | None = None
    failure: ReplyFailure | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A text in a search tree. The root is the negative: it has no `reply`, and counts as V = 0.

    `failed` are the replies drawn for this place before the one that became the node.
    """

    path: Path
    text: str
    judgment: Judgment
    reply: str | None = None
    finish_reason: str | None = None
    failed: tuple[Refinement, ...] = ()

    @property
    def value(self) -> float:
        return 0.0 if not self.path or self.judgment.value is None else self.judgment.value


@dataclass(frozen=True, slots=True)
class PrunedPlace:
    """A place in a tree without a node: the last reply failed, or too few of the votes on its text can be read.

    `replies` are all those drawn for it, in order. `judgment` is of the last one's text, None if it has none.
    """

    path: Path
    reason: ReplyFailure | JudgmentFailure
    replies: tuple[Refinement, ...]
    judgment: Judgment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A finished search.

    `nodes` come in the order of generation, the root first, and so do the places that got none: `pruned`, counted by
    reason in `failures`. (Trees of 0.1.0 have only the counts.)
    `best` is the path of the node with the best V (ties: the first generated), None if no child was kept.
    `refine_replies` and `votes` count all requests, failed replies included.
    """

    prompt: Prompt
    nodes: tuple[Node, ...]
    best: Path | None
    solved: bool
    refine_replies: int = 0
    votes: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    pruned: tuple[PrunedPlace, ...] = ()

    def node(self, path: Path) -> Node:
        for node in self.nodes:
            if node.path == path:
                return node
        raise KeyError(path)


@dataclass(frozen=True, slots=True)
class JudgedResponse:
    """A response with its judgment; a failed response has none."""

    response: Response
    judgment: Judgment | None


@dataclass(frozen=True, slots=True)
class JudgedPrompt:
    """A prompt with all of its judged responses: one row of a judgment result."""

    prompt: Prompt
    responses: tuple[JudgedResponse, ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """A prompt with its responses: one row of a generation result."""

    prompt: Prompt
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A preference pair, from which the actor learns: a prompt with a chosen and a rejected response."""

    prompt: Prompt
    chosen: str
    rejected: str


class ExampleKind(StrEnum):
    """Where a row that is trained on comes from; the first five are the refiner's (docs/method.md, "Rules")."""

    REFINEMENT = "refinement"
    TREE_YES = "tree_yes"
    TREE_NO = "tree_no"
    RESPONSE_NO = "response_no"
    RESPONSE_YES = "response_yes"
    RESPONSE = "response"  # no refiner example: a prompt with a response that an actor is fine-tuned on
    MIXED = "mixed"  # a given conversation that a recipe mixes into its actor's fine-tuning


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that a refiner, or an actor by SFT, is trained on; loss falls on every assistant turn."""

    prompt_id: str
    kind: ExampleKind
    messages: tuple[Message, ...]


class Outcome(StrEnum):
    """How a prompt of an iteration ended. The first that applies, in this order; every prompt has exactly one."""

    CANCELLED = "cancelled"
    ENGINE_FAILED = "engine_failed"
    UNPARSABLE = "unparsable"  # too few responses with a quorum of votes
    REFUSED = "refused"  # the model's chat template, or its server, took none of its conversations
    CONTEXT_EXCEEDED = "context_exceeded"  # none of its conversations fits into the model's context
    TIED = "tied"  # no bad response, at least one tie
    ALL_GOOD = "all_good"
    EQUAL_SCORES = "equal_scores"  # no response scored higher than another
    UNSOLVED = "unsolved"  # no refinement, or no response, was judged good
    CONTAMINATED = "measured"  # the instruction written for it is in an evaluation; the value is in stored results
    DUPLICATE = "duplicate"
    TOO_LONG = "too_long"  # a row that does not fit into the training length
    OVER_CAP = "over_cap"  # a good pair more than selection.max_pairs (docs/decisions/0003)
    PAIR = "pair"
    EXAMPLE = "example"  # the actor is fine-tuned on a response to it
    LESSON = "lesson"  # its negative was refined, and the refiner is fine-tuned on the refinement
    NOT_REACHED = "not_reached"  # the run stopped before it
