"""The meta-judge: which of two judgments of a response is better (Meta-Rewarding, arXiv 2407.19594)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.engines.drawing import FailedReply, draw
from spar.method.meta_judging import Match, parse_winner
from spar.method.records import Prompt, Response
from spar.method.templates.forms import PromptForm
from spar.recipes.models import SamplingSettings
from spar.roles.usage import COMPARE, SeedScope, Usage, sampling_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaJudge:
    """A model that compares judgments by a form; `usage` counts its calls."""

    chat: ChatModel
    form: PromptForm
    settings: SamplingSettings
    scope: SeedScope
    usage: Usage

    async def compare(self, prompt: Prompt, response: Response, judgments: Sequence[str]) -> list[Match]:
        """Compare every two judgments of a response, in both orders, concurrently."""

        async def one(first: int, second: int) -> Match:
            """Compare two judgments, shown in this order; a reply that cannot be read names no winner."""
            texts = {"first": judgments[first], "second": judgments[second]}
            messages = self.form.messages(prompt=prompt.text, response=response.text, **texts)
            seed = self.scope.derive(prompt, COMPARE, response.index, first, second)
            self.usage.calls += 1
            [reply] = await draw(self.chat, messages, 1, sampling_of(self.settings), seed)
            self.usage.count([reply])
            if isinstance(reply, FailedReply):
                match = Match(first=first, second=second, winner=None, failure=reply.failure)
            else:
                winner, failure = parse_winner(reply.text, reply.finish_reason)
                match = Match(first=first, second=second, winner=winner, failure=failure)
            self.usage.count_failures([match.failure])
            return match

        return await gather(one(first, second) for first, second in permutations(range(len(judgments)), 2))
