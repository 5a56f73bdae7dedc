"""Draws an actor's responses: the first ones, further ones as the nodes of a search (best of n), and stop strings.

Stop strings are applied to complete replies, whose tokens all count. Knows nothing of refiners: a new response does not
depend on the one that was judged bad.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.drawing import received
from spar.inference.records import RESAMPLING, InferenceRequest
from spar.method.growth import RefineNode
from spar.method.records import Node, Prompt, Refinement, ReplyFailure, Response
from spar.method.responses import parse_response
from spar.roles.replies import read_reply
from spar.roles.usage import RESPOND, SeedScope, Usage


class Redraw:
    """A `Refine` whose texts are further responses to the same conversation; `usage` counts their calls."""

    def __init__(self, chat: ChatModel, prompt: Prompt, request: InferenceRequest, usage: Usage) -> None:
        self._chat, self._prompt, self._request, self._usage = chat, prompt, request, usage
        self.cut_off: set[str] = set()
        """The texts that the token limit cut off: they are judged as they are, like a first response."""

    async def __call__(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        # Path (0,) and the attempt, because the seed of the first response has no path.
        seed = SeedScope(seed=self._request.seed, iteration=0).derive(self._prompt, RESPOND, 0, *parent.path, attempt)
        self._usage.calls += 1
        completions = await self._chat.sample(self._request.messages, n, _sampled(self._request.sampling), seed)
        responses = drawn_responses(completions, self._request.stop, self._usage)
        self.cut_off.update(each.text for each in responses if each.failure is ReplyFailure.CUT_OFF)
        return [_as_refinement(each) for each in responses]


def drawn_responses(completions: Sequence[Completion], stop: Sequence[str], usage: Usage) -> list[Response]:
    """The responses in an actor's completions; their tokens and failures are added to `usage`."""
    usage.count(completions)
    replies = [received(stopped(completion, stop)) for completion in completions]
    responses = [
        read_reply(reply, partial(Response, index), partial(parse_response, index))
        for index, reply in enumerate(replies)
    ]
    usage.count_failures([each.failure for each in responses])
    return responses


def _sampled(first: Sampling) -> Sampling:
    """Sampling for further responses: greedy ones would all equal the first."""
    return first if first.temperature > 0 else replace(RESAMPLING, max_tokens=first.max_tokens)


def _as_refinement(response: Response) -> Refinement:
    if response.judgeable:
        return Refinement(reply=response.text, text=response.text, failure=None, finish_reason=response.finish_reason)
    return Refinement(reply=response.text, text=None, failure=response.failure, finish_reason=response.finish_reason)


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to its first stop string; all of it if there is none."""
    return text[: min((at for at in map(text.find, stop) if at >= 0), default=len(text))]


def stopped(completion: Completion, stop: Sequence[str]) -> Completion:
    """The completion as if the model had stopped there: not cut off, even if it reached its limit later."""
    text = cut(completion.text, stop)
    return completion if text == completion.text else replace(completion, text=text, finish_reason="stop")


class StoppedRefine:
    """A `RefineNode` whose refined texts end before a stop string; the reply around the text may contain one."""

    def __init__(self, refine: RefineNode, stop: Sequence[str], usage: Usage) -> None:
        self._refine, self._stop, self._usage = refine, stop, usage

    async def __call__(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        return [self._stopped(each) for each in await self._refine(parent, n, attempt)]

    def _stopped(self, drawn: Refinement) -> Refinement:
        if drawn.text is None:
            return drawn
        text = cut(drawn.text, self._stop).strip()
        if text:
            return replace(drawn, text=text)
        self._usage.count_failures([ReplyFailure.EMPTY])
        return Refinement(reply=drawn.reply, text=None, failure=ReplyFailure.EMPTY)
