"""What an actor and a refiner can do, over any `ChatModel`: respond, judge, refine.

The one place where templates, sampling, parsing and seeds meet; services, `spar refine` and evaluations all
call it. It knows nothing of queues, objects or how a model is served, and takes no decision: those are
`spar.method`'s.
"""

from collections.abc import Sequence
from dataclasses import replace

from spar.engines.base import ChatModel
from spar.engines.drawing import draw
from spar.errors import AccountingError
from spar.method.judging import JudgingPolicy
from spar.method.policies import SearchPolicy, make_policy
from spar.method.records import (
    JudgedResponse,
    Judgment,
    Message,
    Node,
    Path,
    Prompt,
    Refinement,
    Tree,
    Vote,
)
from spar.method.refinements import parse_refinement
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.method.tree_search import search
from spar.method.voting import VoteRules, critique_to_refine, judge_until_quorum
from spar.recipes.models import JudgmentSettings, SamplingSettings, SearchSettings
from spar.recipes.policies import judging_options, judging_policy
from spar.roles.replies import _failed_refinement, _failed_vote, read_reply
from spar.roles.usage import JUDGE_NODE, REFINE_NODE, SeedScope, Usage, sampling_of


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
