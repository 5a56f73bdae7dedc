"""The meta-judge: which of two judgments of a response is better (Meta-Rewarding, arXiv 2407.19594)."""

from collections.abc import Sequence

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.engines.drawing import FailedReply, draw
from spar.method.meta_judging import Match, parse_winner
from spar.method.records import (
    Prompt,
    Response,
)
from spar.method.templates.forms import PromptForm
from spar.recipes.models import SamplingSettings
from spar.roles.usage import COMPARE, SeedScope, Usage, sampling_of


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
