"""Draws further responses of the actor as the nodes of a search: best of n, in the search's own terms.

Knows nothing of refiners: a response drawn anew owes nothing to the one that was judged bad.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.drawing import received
from spar.inference.records import RESAMPLING, InferenceRequest
from spar.inference.stopping import stopped
from spar.method.records import Node, Prompt, Refinement, ReplyFailure, Response
from spar.method.responses import parse_response
from spar.roles.replies import read_reply
from spar.roles.usage import RESPOND, SeedScope, Usage


class Redraw:
    """A `Refine` whose texts are responses to the same conversation; `usage` counts what that took."""

    def __init__(self, chat: ChatModel, prompt: Prompt, request: InferenceRequest, usage: Usage) -> None:
        self._chat, self._prompt, self._request, self._usage = chat, prompt, request, usage
        self.cut_off: set[str] = set()
        """The drawn texts that the token limit cut off: they are judged as they stand, as a first response is."""

    async def __call__(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        # Path (0,) and the attempt: the first response has the seed of no path at all.
        seed = SeedScope(seed=self._request.seed, iteration=0).derive(self._prompt, RESPOND, 0, *parent.path, attempt)
        self._usage.calls += 1
        completions = await self._chat.sample(self._request.messages, n, _sampled(self._request.sampling), seed)
        responses = drawn_responses(completions, self._request.stop, self._usage)
        self.cut_off.update(each.text for each in responses if each.failure is ReplyFailure.CUT_OFF)
        return [_as_refinement(each) for each in responses]


def drawn_responses(completions: Sequence[Completion], stop: Sequence[str], usage: Usage) -> list[Response]:
    """Responses out of what an actor drew, with what that took and what failed counted."""
    usage.count(completions)
    replies = [received(stopped(completion, stop)) for completion in completions]
    responses = [
        read_reply(reply, partial(Response, index), partial(parse_response, index))
        for index, reply in enumerate(replies)
    ]
    usage.count_failures([each.failure for each in responses])
    return responses


def _sampled(first: Sampling) -> Sampling:
    """Greedy responses would all be the first one again."""
    return first if first.temperature > 0 else replace(RESAMPLING, max_tokens=first.max_tokens)


def _as_refinement(response: Response) -> Refinement:
    if response.judgeable:
        return Refinement(reply=response.text, text=response.text, failure=None, finish_reason=response.finish_reason)
    return Refinement(reply=response.text, text=None, failure=response.failure, finish_reason=response.finish_reason)
