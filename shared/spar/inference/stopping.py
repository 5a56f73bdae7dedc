"""Stop strings: a text ends before the first of them. Knows nothing of who writes the text.

Applied to what a model wrote: the reply is computed whole, and its tokens count.
"""

from collections.abc import Sequence
from dataclasses import replace

from spar.engines.base import Completion
from spar.method.growth import RefineNode
from spar.method.records import Node, Refinement, ReplyFailure
from spar.roles.usage import Usage


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first stop string in it; all of it where there is none."""
    return text[: min((at for at in map(text.find, stop) if at >= 0), default=len(text))]


def stopped(completion: Completion, stop: Sequence[str]) -> Completion:
    """The completion as if the model had stopped there: not cut off, although it may have run into its limit later."""
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
