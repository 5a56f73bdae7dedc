"""The refiner: judgments of texts, refinements of them, and the tree search over both.

    refiner = Refiner(chat=chat, settings=RefinerSettings(templates=builtin_templates("spar")))
    tree = await refiner.search(prompt, response, bfs())

The one place that combines templates, sampling, parsing and seeds; services, inference, `spar refine` and evaluations
all use it. It knows nothing of queues, objects or how a model is served, and decides nothing: `spar.method` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from spar.engines.base import ChatModel, Sampling
from spar.engines.drawing import Reply, draw
from spar.errors import AccountingError
from spar.method.judging import JudgingPolicy
from spar.method.policies import SearchPolicy
from spar.method.records import JudgedResponse, Judgment, Message, Node, Path, Prompt, Refinement, Response, Tree, Vote
from spar.method.refinements import parse_refinement
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.method.tree_search import search
from spar.method.voting import VoteRules, critique_to_refine, judge_until_quorum
from spar.recipes.policies import judging_options, judging_policy
from spar.roles.replies import failed_refinement, failed_vote, read_reply
from spar.roles.settings import RefinerSettings
from spar.roles.usage import JUDGE_NODE, JUDGE_RESPONSE, REFINE_NODE, SeedScope, Usage, sampling_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Refiner:
    """A model that judges and refines; `usage` counts its calls.

    Bound to a prompt, `refine` and `judge_node` are the two callables of `spar.method.tree_search`.
    """

    chat: ChatModel
    settings: RefinerSettings
    scope: SeedScope = field(default_factory=lambda: SeedScope(seed=0, iteration=0))
    usage: Usage = field(default_factory=Usage)

    async def judge_response(self, prompt: Prompt, response: Response) -> Judgment:
        return await self.judge(prompt, response.text, JUDGE_RESPONSE, response.index)

    async def judge_node(self, prompt: Prompt, text: str, _: Path = ()) -> Judgment:
        """Judge a text of a tree. Its seed depends on the text, not its place: a text has one judgment in a tree."""
        place = Prompt.of(text.strip()).id
        return await self.judge(prompt, text, JUDGE_NODE, place, rules=self.settings.node_vote_rules)

    async def judge(
        self, prompt: Prompt, text: str, step: str, *path: int | str, rules: VoteRules | None = None
    ) -> Judgment:
        """Votes on a text by `rules` (by default the settings'), a round in one call.

        `step` and `path` are those of the seeds. The settings' policy reads the replies and settles the votes.
        """
        settings = self.settings
        policy, options = judging_policy(settings.judgment.policy), judging_options(settings.judgment)
        messages = judge_messages(policy, settings.templates, settings.form, prompt.text, text)

        async def ask(n: int, attempt: int) -> Sequence[Vote]:
            seed = self.scope.derive(prompt, step, *path, attempt)
            replies = await self._draw(messages, n, sampling_of(settings.judgment), seed)
            read = [
                read_reply(reply, failed_vote, lambda text, finish: policy.parse(text, finish, options))
                for reply in replies
            ]
            self.usage.count_failures([vote.failure for vote in read])
            return [replace(vote, round=attempt) for vote in read]

        def settle(votes: Sequence[Vote], quorum: int) -> Judgment:
            return policy.settle(votes, quorum, options)

        return await judge_until_quorum(ask, rules or settings.vote_rules, settle)

    async def refine(self, prompt: Prompt, parent: Node, n: int, attempt: int) -> list[Refinement]:
        """n refinements of a judged text, siblings in one call."""
        critique = critique_to_refine(parent.judgment)
        if critique is None:
            raise AccountingError(f"Node {parent.path} of prompt {prompt.id} was expanded without a critique.")
        messages = self.settings.templates.refine_messages(prompt.text, parent.text, critique)
        seed = self.scope.derive(prompt, REFINE_NODE, *parent.path, attempt)
        replies = await self._draw(messages, n, sampling_of(self.settings.refinement), seed)
        refinements = [
            read_reply(reply, failed_refinement, lambda text, finish: parse_refinement(text, finish, parent.text))
            for reply in replies
        ]
        self.usage.count_failures([refinement.failure for refinement in refinements])
        return refinements

    async def search(self, prompt: Prompt, start: JudgedResponse | Node | str, policy: SearchPolicy) -> Tree:
        """The tree of refinements below a judged negative, or below a text, which is judged first."""
        root = _root(prompt, start) if isinstance(start, JudgedResponse) else start
        return await search(prompt, root, partial(self.refine, prompt), partial(self.judge_node, prompt), policy)

    async def _draw(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Reply]:
        self.usage.calls += 1
        replies = await draw(self.chat, messages, n, sampling, seed)
        self.usage.count(replies)
        return replies


def judge_messages(
    policy: JudgingPolicy, templates: TemplateSet, form: PromptForm | None, prompt: str, response: str
) -> tuple[Message, ...]:
    """The turn that prompts for a judgment by this policy."""
    if policy.form == "judge":
        return templates.judge_messages(prompt, response)
    if form is None or form.name != policy.form:
        raise AccountingError(f"The policy {policy.name} was to judge without its form {policy.form}.")
    return form.messages(prompt=prompt, response=response)


def _root(prompt: Prompt, negative: JudgedResponse) -> Node:
    if negative.judgment is None:
        raise AccountingError(f"The negative of prompt {prompt.id} was never judged.")
    return Node(path=(), text=negative.response.text, judgment=negative.judgment)
