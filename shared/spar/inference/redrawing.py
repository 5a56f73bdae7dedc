"""Draws further responses of the actor as the nodes of a search: best of n, in the search's own terms.

Knows nothing of refiners: a response drawn anew owes nothing to the one that was judged bad.
"""

from collections.abc import Sequence
from dataclasses import replace

from spar.engines.base import ChatModel, Completion, Sampling
from spar.engines.skills import RESPOND, SeedScope, Usage
from spar.inference.records import RESAMPLING, Asked
from spar.inference.stopping import stopped
from spar.method.records import Node, Prompt, Refinement
from spar.method.responses import parse_response


class Redraw:
    """A `Refine` whose texts are responses to the same conversation; `usage` counts what that took."""

    def __init__(self, chat: ChatModel, prompt: Prompt, asked: Asked, usage: Usage) -> None:
        self._chat, self._prompt, self._asked, self._usage = chat, prompt, asked, usage

    async def __call__(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        # Path (0,) and the attempt: the first response has the seed of no path at all.
        seed = SeedScope(self._asked.seed, 0).derive(self._prompt, RESPOND, 0, *parent.path, attempt)
        self._usage.calls += 1
        completions = await self._chat.sample(self._asked.messages, n, _sampled(self._asked.sampling), seed)
        self._usage.count(completions)
        ended = (stopped(completion, self._asked.stop) for completion in completions)
        drawn = [_as_refinement(index, completion) for index, completion in enumerate(ended)]
        self._usage.count_failures([each.failure for each in drawn])
        return drawn


def _sampled(first: Sampling) -> Sampling:
    """Greedy responses would all be the first one again."""
    return first if first.temperature > 0 else replace(RESAMPLING, max_tokens=first.max_tokens)


def _as_refinement(index: int, completion: Completion) -> Refinement:
    response = parse_response(index, completion.text, completion.finish_reason)
    text = None if response.failure else response.text
    return Refinement(completion.text, text, response.failure, completion.finish_reason)
