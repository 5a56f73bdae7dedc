"""One inference: the actor responds, the refiner judges, a bad response is searched for a better one.

If it ends early, by the deadline or a failing refiner, the best text so far is the result. Only an actor that gives no
response at all is an error. The search is `spar.method.tree_search`.
"""

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

from spar.errors import DataError, DeadlineExceeded, EngineError
from spar.inference.conversations import prompt_of
from spar.inference.growing import Growing, ProgressCallback
from spar.inference.records import (
    CallCounters,
    Choice,
    InferenceRequest,
    InferenceResult,
    RoleModels,
    StopReason,
)
from spar.inference.redrawing import Redraw, StoppedRefine, drawn_responses
from spar.inference.strategies import Draws, Strategy
from spar.method.growth import RefineNode
from spar.method.policies import SearchPolicy
from spar.method.records import JudgmentFailure, Node, Prompt, ReplyFailure, Response, Tree
from spar.method.tree_search import search
from spar.method.voting import never_drawn
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import RESPOND, SeedScope, Usage


def _ignore(line: str) -> None:
    """The default: progress is not reported."""


async def infer(
    models: RoleModels,
    request: InferenceRequest,
    strategy: Strategy,
    settings: RefinerSettings,
    deadline_s: float | None = None,
    on_progress: ProgressCallback = _ignore,
) -> InferenceResult:
    """The best text that the strategy finds within the deadline.

    Cancelling it cancels every call it made. Raises DeadlineExceeded if the actor had not responded by then, and
    the actor's own EngineError or DataError.
    """
    inference = _Inference(models, request, strategy, settings, on_progress)
    try:
        async with asyncio.timeout(deadline_s) as limit:
            return await inference.run()
    except TimeoutError:
        if not limit.expired():
            raise
        return inference.so_far(StopReason.DEADLINE, f"the deadline ({deadline_s:.3g} s)")
    except (EngineError, DataError) as error:  # DataError: the conversation does not fit the actor
        return inference.after_failure(error)


@dataclass(slots=True)
class _Inference:
    models: RoleModels
    request: InferenceRequest
    strategy: Strategy
    settings: RefinerSettings
    on_progress: ProgressCallback
    counts: CallCounters = field(default_factory=CallCounters)
    actor: Usage = field(default_factory=Usage)
    response: Response | None = None
    more: tuple[Response, ...] = ()
    refiner: Refiner | None = None
    growing: Growing | None = None
    redraw: Redraw | None = None

    async def run(self) -> InferenceResult:
        """Respond, then judge and search by the strategy, within its budget and deadline."""
        response, *more = await self._respond()
        self.response, self.more = response, tuple(more)
        self.on_progress("the actor has responded")
        policy = self.strategy.policy
        if policy is None:
            return self._found(StopReason.ACTOR, None)
        if not response.judgeable:
            return self._found(StopReason.RESPONSE_FAILED, None, response.failure and response.failure.value)
        policy = replace(policy, retries=self.settings.retries)
        tree = await self._search(response.text, policy)
        root = tree.nodes[0].judgment
        return self._found(_ending(tree), tree, root.votes[0].reply if never_drawn(root) else None)

    async def _respond(self) -> list[Response]:
        request = self.request
        seed = SeedScope(seed=request.seed, iteration=0).derive(prompt_of(request.messages), RESPOND)
        self.counts.generations += request.n
        self.actor.calls += 1
        completions = await self.models.actor.sample(request.messages, request.n, request.sampling, seed)
        return drawn_responses(completions, request.stop, self.actor)

    async def _search(self, text: str, policy: SearchPolicy) -> Tree:
        prompt = prompt_of(self.request.messages)
        settings = self.settings
        if self.strategy.greedy:
            settings = replace(settings, refinement=settings.refinement.model_copy(update={"temperature": 0.0}))
        self.refiner = Refiner(
            chat=self.models.refiner, settings=settings, scope=SeedScope(seed=self.request.seed, iteration=0)
        )
        responses = self.strategy.draws is Draws.RESPONSES
        if responses:
            self.redraw = Redraw(self.models.actor, prompt, self.request, self.actor)
        refine = self.redraw or self._refine(self.refiner, prompt)
        judge = partial(self.refiner.judge_node, prompt)
        self.growing = Growing(refine, judge, self.counts, responses, self.on_progress)
        return await search(prompt, text, self.growing.refine, self.growing.judge, policy)

    def _refine(self, refiner: Refiner, prompt: Prompt) -> RefineNode:
        refine, stop = partial(refiner.refine, prompt), self.request.stop
        return StoppedRefine(refine, stop, refiner.usage) if stop else refine

    def so_far(self, ending: StopReason, reason: str) -> InferenceResult:
        if self.response is None:
            raise DeadlineExceeded(
                f"The actor had not responded by {reason}.",
                "Allow more time, request fewer tokens, or try again later.",
            )
        policy = self.strategy.policy
        grown = None if policy is None or self.growing is None else self._grown(self.growing, policy)
        return self._found(ending, grown, reason)

    def after_failure(self, error: EngineError | DataError) -> InferenceResult:
        if self.response is None:
            raise error
        return self.so_far(StopReason.ENGINE_FAILED, error.what)

    def _grown(self, growing: Growing, policy: SearchPolicy) -> Tree | None:
        return growing.tree(prompt_of(self.request.messages), policy.gate)

    def _found(self, ending: StopReason, tree: Tree | None, reason: str | None = None) -> InferenceResult:
        assert self.response is not None, "so_far and run ensure it"
        best = None if tree is None else best_node(tree)
        return InferenceResult(
            text=self.response.text if best is None else best.text,
            ending=ending,
            cut_off=self._is_cut_off(best),
            value=None if best is None else _value(best),
            tree=tree,
            counts=self.counts,
            actor=self.actor,
            refiner=Usage() if self.refiner is None else self.refiner.usage,
            reason=reason,
            more=tuple(Choice(each.text, each.failure is ReplyFailure.CUT_OFF) for each in self.more),
        )

    def _is_cut_off(self, best: Node | None) -> bool:
        """Whether the returned text was cut off: a response that was judged as it is, is also returned as it is."""
        if best is None or best.path == ():
            return self.response is not None and self.response.failure is ReplyFailure.CUT_OFF
        return self.redraw is not None and best.text in self.redraw.cut_off


def best_node(tree: Tree) -> Node:
    """The node with the highest V, including the response itself; the earliest of equals, so the response first."""
    return max(tree.nodes, key=lambda node: _value(node) or 0.0)


def _value(node: Node) -> float | None:
    return None if node.judgment.failure is JudgmentFailure.NO_QUORUM else node.judgment.value


def _ending(tree: Tree) -> StopReason:
    if tree.best == ():
        return StopReason.ACCEPTED
    if tree.nodes[0].judgment.failure is JudgmentFailure.NO_QUORUM:
        return StopReason.UNJUDGED
    return StopReason.SOLVED if tree.solved else StopReason.UNSOLVED
