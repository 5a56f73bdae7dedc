"""Searches as benchmarks measure them: at inference for each prompt (arXiv 2412.11605, Table 1), and from given bad
responses (Table 10).

A search that ended with an engine's failure must not be measured: the failure is raised, so that the search can be
repeated. Knows no benchmark.
"""

from collections.abc import Sequence

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import EngineError, RecipeError
from spar.evaluation.benchmarks.requests import RefineNegative, Respond, Row
from spar.inference import InferenceRequest, InferenceResult, Refiner, RefinerSettings, RoleModels, infer, make_strategy
from spar.inference.strategies import Draws
from spar.method.defaults import TEMPERATURE
from spar.method.records import Message, Node, Prompt, Tree
from spar.method.templates import TemplateSet
from spar.method.voting import critique_to_refine
from spar.recipes.models import AskSettings, JudgmentSettings, SamplingSettings
from spar.roles.usage import SeedScope, Usage

ONE_REFINEMENT = ("actor", "greedy")
"""For given negatives these are the same: one greedy refinement, with a greedy vote as its critique."""


def search_of(models: RoleModels, settings: AskSettings, templates: TemplateSet, seed: int) -> Respond | None:
    """The search that the settings name; None if they name the actor alone."""
    strategy = make_strategy(settings.strategy, settings.budget)
    if strategy.policy is None:
        return None
    how = _refining(settings, templates)

    async def respond(text: str, usage: Usage) -> Row:
        """One response by the search. Raises the engine's failure: a measurement must not score a server's fault."""
        actor, refiner = _Watched(models.actor), _Watched(models.refiner)
        request = InferenceRequest(
            messages=(Message("user", text),),
            sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=settings.max_tokens),
            seed=seed,
        )
        found = await infer(RoleModels(actor=actor, refiner=refiner), request, strategy, how)
        for watched in (actor, refiner):
            if watched.failure is not None:
                raise watched.failure
        usage.add(found.actor)
        usage.add(found.refiner)
        return _row(found)

    return respond


def refining_of(refiner: ChatModel, settings: AskSettings, templates: TemplateSet, seed: int) -> RefineNegative | None:
    """The search from given negatives that the settings name; None where that is one greedy refinement."""
    if settings.strategy in ONE_REFINEMENT:
        return None
    strategy = make_strategy(settings.strategy, settings.budget)
    if strategy.policy is None or strategy.draws is not Draws.REFINEMENTS:
        raise RecipeError(
            f"The strategy {settings.strategy} draws responses, and refinement starts from given ones.",
            "Choose greedy, best_of_n, iterative, bfs or dfs.",
        )
    policy, how = strategy.policy, _refining(settings, templates)

    async def refine(prompt: str, response: str, usage: Usage) -> Row:
        searcher = Refiner(chat=refiner, settings=how, scope=SeedScope(seed=seed, iteration=0), usage=usage)
        given = Prompt.of(prompt)
        judgment = await searcher.judge_node(given, response)
        if critique_to_refine(judgment) is None:
            return {"refined": None, "failure": "no_critique", **_took(0, 1, len(judgment.votes))}
        root = Node(path=(), text=response, judgment=judgment)
        return _negative_row(await searcher.search(given, root, policy))

    return refine


def _negative_row(tree: Tree) -> Row:
    """The best text, whether or not it solved the tree: outside judges decide how good it is."""
    root = tree.nodes[0]
    votes = tree.votes + len(root.judgment.votes)
    texts = len({node.text.strip() for node in tree.nodes}) + sum(place.judgment is not None for place in tree.pruned)
    row = {"critique": critique_to_refine(root.judgment), **_took(tree.refine_replies, texts, votes)}
    if tree.best is None:
        return {"refined": None, "failure": "no_refinement", **row}
    best = tree.node(tree.best)
    return {"refined": best.text, "value": best.judgment.value, "solved": tree.solved, **row}


def _took(generations: int, judgments: int, votes: int) -> Row:
    return {"generations": generations, "judgments": judgments, "votes": votes}


def _refining(settings: AskSettings, templates: TemplateSet) -> RefinerSettings:
    # A refinement states its changes before the text itself: the paper allows it half as many tokens again.
    longest = settings.max_tokens + settings.max_tokens // 2
    return RefinerSettings(
        templates=templates,
        judgment=JudgmentSettings(max_tokens=settings.judge_tokens),
        refinement=SamplingSettings(temperature=TEMPERATURE, max_tokens=longest),
    )


def _row(found: InferenceResult) -> Row:
    tree = {} if found.tree is None else {"first": found.tree.nodes[0].text, "nodes": len(found.tree.nodes)}
    failed = {"failure": "cut_off"} if found.cut_off else {}
    return {"response": found.text, "search": found.ending.value, "value": found.value, **tree, **failed}


class _Watched:
    """Keeps an engine's failure, after which `infer` would return its best text so far."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self.failure: EngineError | None = None

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        try:
            return await self._chat.sample(messages, n, sampling, seed)
        except EngineError as error:
            self.failure = error
            raise
