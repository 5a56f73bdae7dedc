"""What an actor and a refiner can do, over any `ChatModel`: respond, judge, refine.

The one place where templates, sampling, parsing and seeds meet; services, `spar refine` and evaluations all
call it. It knows nothing of queues, objects or how a model is served, and takes no decision: those are
`spar.method`'s.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeVar

from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.drawing import FailedReply, Reply, draw
from spar.errors import AccountingError
from spar.method.comparing import Match, parse_winner
from spar.method.judging import JudgingPolicy
from spar.method.policies import SearchPolicy, make_policy
from spar.method.records import (
    Generated,
    JudgedResponse,
    Judgment,
    Message,
    Node,
    Path,
    Prompt,
    Refinement,
    ReplyFailure,
    Response,
    Tree,
    Vote,
)
from spar.method.refinements import parse_refinement
from spar.method.seeds import derive_seed
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.method.tree_search import search
from spar.method.voting import VoteRules, critique_to_refine, judge_until_quorum
from spar.recipes.models import GenerationSettings, JudgmentSettings, SamplingSettings, SearchSettings
from spar.recipes.policies import generating_policy, judging_options, judging_policy
from spar.together import gather

RESPOND = "respond"
"""Seed step of an actor's responses."""
JUDGE_RESPONSE = "judge_response"
"""Seed step of votes over an actor's response; the path is the response's index."""
NEGATIVE = "negative"
"""Seed step of drawing a prompt's negative, and its sampled pair."""
JUDGE_NODE = "judge_node"
"""Seed step of votes over a text in a tree; the path is the text's hash."""
COMPARE = "compare"
"""Seed step of comparing two judgments; the path is the response's index, then theirs in the order of showing."""
REFINE_NODE = "refine_node"
"""Seed step of refinements; the path is the parent's."""


@dataclass(frozen=True, slots=True)
class SeedScope:
    """What every seed of an iteration derives from; it names no run, so that equal work has equal seeds."""

    seed: int
    iteration: int

    def derive(self, prompt: Prompt, step: str, *path: int | str) -> int:
        return derive_seed(self.seed, self.iteration, prompt.id, step, *path)


@dataclass(slots=True)
class Usage:
    """What was asked of a model so far. Skills add to it; whoever made it reads it.

    `calls` counts what was asked, also where the search no longer wanted the reply; the rest counts what came. A
    prompt shared by n samples counts once. `failures` maps a `ReplyFailure` to the replies it befell, `adjustments` an
    `Adjustment` to the replies whose request was not as set. `estimated_tokens`: those of both kinds that no server
    counted.
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
    return Sampling(settings.temperature, settings.top_p, settings.max_tokens)


def vote_rules(settings: JudgmentSettings) -> VoteRules:
    return VoteRules(votes=settings.votes, quorum=settings.quorum, retries=settings.retries)


def node_vote_rules(settings: JudgmentSettings, rounds: int | None) -> VoteRules:
    """The rules of votes on a tree's nodes: as for responses, or, with `rounds`, all drawn anew without a majority."""
    if rounds is None:
        return vote_rules(settings)
    return VoteRules(votes=settings.votes, quorum=settings.quorum, retries=rounds - 1, redraw=True)


def policy_of(settings: SearchSettings) -> SearchPolicy:
    return make_policy(
        settings.policy,
        branch=settings.branch,
        keep=settings.keep,
        depth=settings.depth,
        gate=settings.gate,
        retries=settings.retries,
        stop_when_decided=settings.stop_when_decided,
    )


Read = TypeVar("Read", Response, Vote, Refinement)


def read_reply(
    reply: Reply, failed: Callable[[str, ReplyFailure], Read], parse: Callable[[str, Literal["stop", "length"]], Read]
) -> Read:
    """What a reply comes to: read by `parse`, or failed before that. How it ended is the engine's word either way."""
    if isinstance(reply, FailedReply):
        return replace(failed(reply.text, reply.failure), finish_reason=reply.finish_reason)
    return replace(parse(reply.text, reply.finish_reason), finish_reason=reply.finish_reason)


def _failed_vote(text: str, failure: ReplyFailure) -> Vote:
    return Vote(text, failure=failure)


def _failed_refinement(text: str, failure: ReplyFailure) -> Refinement:
    return Refinement(text, failure=failure)


async def respond(
    chat: ChatModel,
    prompt: Prompt,
    settings: GenerationSettings,
    scope: SeedScope,
    usage: Usage,
    form: PromptForm | None = None,
) -> Generated:
    """Ask for K replies to a prompt in one call: an actor for responses to it as it is, or by the policy's form."""
    policy = generating_policy(settings.policy)
    messages = (Message("user", prompt.text),) if form is None else form.messages(text=prompt.text)
    seed = scope.derive(prompt, RESPOND)
    usage.calls += 1
    replies = await draw(chat, messages, settings.n, sampling_of(settings), seed)
    usage.count(replies)
    responses = [
        read_reply(reply, partial(Response, index), partial(policy.read, index)) for index, reply in enumerate(replies)
    ]
    usage.count_failures([response.failure for response in responses])
    return policy.arrange(prompt, responses)


async def judge(  # noqa: PLR0913 - what a judgment depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    text: str,
    templates: TemplateSet,
    settings: JudgmentSettings,
    scope: SeedScope,
    step: str,
    path: Sequence[int | str],
    usage: Usage,
    form: PromptForm | None = None,
    rules: VoteRules | None = None,
) -> Judgment:
    """Ask a refiner for votes over a text as `rules` have it (the settings' own by default), a round in one call.

    How a reply is read, and what the votes come to, is the policy's of the settings; `form` is what it asks with, where
    that isn't the judge template.
    """
    policy, options = judging_policy(settings.policy), judging_options(settings)
    messages = judge_messages(policy, templates, form, prompt.text, text)

    async def ask(n: int, attempt: int) -> Sequence[Vote]:
        seed = scope.derive(prompt, step, *path, attempt)
        usage.calls += 1
        replies = await draw(chat, messages, n, sampling_of(settings), seed)
        usage.count(replies)
        read = [
            read_reply(reply, _failed_vote, lambda text, finish: policy.parse(text, finish, options))
            for reply in replies
        ]
        votes = [replace(vote, round=attempt) for vote in read]
        usage.count_failures([vote.failure for vote in votes])
        return votes

    def settle(votes: Sequence[Vote], quorum: int) -> Judgment:
        return policy.settle(votes, quorum, options)

    return await judge_until_quorum(ask, rules or vote_rules(settings), settle)


def judge_messages(
    policy: JudgingPolicy, templates: TemplateSet, form: PromptForm | None, prompt: str, response: str
) -> tuple[Message, ...]:
    """The turn that asks for a judgment by this policy."""
    if policy.form == "judge":
        return templates.judge_messages(prompt, response)
    if form is None or form.name != policy.form:
        raise AccountingError(f"The policy {policy.name} was to judge without its form {policy.form}.")
    return form.messages(prompt=prompt, response=response)


async def compare(  # noqa: PLR0913 - what a comparison depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    response: Response,
    judgments: Sequence[str],
    form: PromptForm,
    settings: SamplingSettings,
    scope: SeedScope,
    usage: Usage,
) -> list[Match]:
    """Ask a judge which of two judgments of a response is better, for each two and in both orders, all at once."""

    async def one(first: int, second: int) -> Match:
        texts = {"first": judgments[first], "second": judgments[second]}
        messages = form.messages(prompt=prompt.text, response=response.text, **texts)
        seed = scope.derive(prompt, COMPARE, response.index, first, second)
        usage.calls += 1
        [reply] = await draw(chat, messages, 1, sampling_of(settings), seed)
        usage.count([reply])
        if isinstance(reply, FailedReply):
            match = Match(first, second, None, reply.failure)
        else:
            match = Match(first, second, *parse_winner(reply.text, reply.finish_reason))
        usage.count_failures([match.failure])
        return match

    both = [(first, second) for first in range(len(judgments)) for second in range(len(judgments)) if first != second]
    return await gather(one(first, second) for first, second in both)


async def refine(  # noqa: PLR0913 - what a refinement depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    parent: Node,
    n: int,
    attempt: int,
    templates: TemplateSet,
    settings: SamplingSettings,
    scope: SeedScope,
    usage: Usage,
) -> list[Refinement]:
    """Ask a refiner for n refinements of a judged text, siblings in one call."""
    critique = critique_to_refine(parent.judgment)
    if critique is None:
        raise AccountingError(f"Node {parent.path} of prompt {prompt.id} was expanded without a critique.")
    messages = templates.refine_messages(prompt.text, parent.text, critique)
    seed = scope.derive(prompt, REFINE_NODE, *parent.path, attempt)
    usage.calls += 1
    replies = await draw(chat, messages, n, sampling_of(settings), seed)
    usage.count(replies)
    refinements = [
        read_reply(reply, _failed_refinement, lambda text, finish: parse_refinement(text, finish, parent.text))
        for reply in replies
    ]
    usage.count_failures([refinement.failure for refinement in refinements])
    return refinements


async def judge_node_text(  # noqa: PLR0913 - what a judgment depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    text: str,
    templates: TemplateSet,
    settings: JudgmentSettings,
    rules: VoteRules,
    scope: SeedScope,
    usage: Usage,
) -> Judgment:
    """Judge a text of a tree. Its seed follows the text, not its place: a text has one judgment within a tree."""
    path = (Prompt.of(text.strip()).id,)
    return await judge(chat, prompt, text, templates, settings, scope, JUDGE_NODE, path, usage, rules=rules)


async def refine_tree(  # noqa: PLR0913 - what a tree depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    negative: JudgedResponse | tuple[str, Judgment],
    templates: TemplateSet,
    judgment: JudgmentSettings,
    search_settings: SearchSettings,
    scope: SeedScope,
    usage: Usage,
) -> Tree:
    """Search refinements of a negative: a text whose judgment is labelled no."""
    rules = node_vote_rules(judgment, search_settings.vote_rounds)

    async def refine_node(parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        return await refine(chat, prompt, parent, n, attempt, templates, search_settings, scope, usage)

    async def judge_node(text: str, path: Path) -> Judgment:
        return await judge_node_text(chat, prompt, text, templates, judgment, rules, scope, usage)

    root = _root(prompt, negative)
    return await search(prompt, root, refine_node, judge_node, policy_of(search_settings))


def _root(prompt: Prompt, negative: JudgedResponse | tuple[str, Judgment]) -> Node:
    if isinstance(negative, tuple):
        text, judgment = negative
        return Node((), text, judgment)
    if negative.judgment is None:
        raise AccountingError(f"The negative of prompt {prompt.id} was never judged.")
    return Node((), negative.response.text, negative.judgment)
