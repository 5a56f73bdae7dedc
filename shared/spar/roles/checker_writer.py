"""A teacher that writes checkers with cases and states what a checker means, over any `ChatModel`.

Knows no queue and runs no code; its callers decide what is kept (arXiv 2406.13542, section 3.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.engines.base import ChatModel, Sampling
from spar.engines.drawing import FailedReply, Reply, draw
from spar.method.checker_replies import WrittenChecker, parse_checker, parse_contradiction
from spar.method.records import Message, Prompt, ReplyFailure
from spar.method.templates.forms import PromptForm
from spar.roles.usage import SeedScope, Usage

WRITE, MEANING, CONTRADICTION = "write_checker", "checker_meaning", "contradiction"
"""Seed steps; the path of the last two is the checker's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckerForms:
    """A teacher's forms: to write a checker, to state what one checks, to compare that with the prompt."""

    checker: PromptForm
    meaning: PromptForm
    contradiction: PromptForm


@dataclass(frozen=True, slots=True)
class Teacher:
    """The model that writes, its sampling and its forms. `usage` counts its calls."""

    chat: ChatModel
    sampling: Sampling
    forms: CheckerForms
    scope: SeedScope
    usage: Usage

    async def write(self, prompt: Prompt, n: int) -> list[WrittenChecker]:
        """The checkers in n replies: those with a function and cases; the others are counted as failures."""
        seed = self.scope.derive(prompt, WRITE)
        replies = await self._draw(self.forms.checker.messages(prompt=prompt.text), n, seed)
        read = [None if isinstance(reply, FailedReply) else parse_checker(reply.text) for reply in replies]
        self.usage.count_failures(
            [failure_of(reply) if found is None else None for reply, found in zip(replies, read, strict=True)]
        )
        return [found for found in read if found is not None]

    async def contradicts(self, prompt: Prompt, source: str, place: int) -> bool | None:
        """Whether the checker's requirement contradicts the prompt; None if the teacher did not state it."""
        seed = self.scope.derive(prompt, MEANING, place)
        [meant] = await self._draw(self.forms.meaning.messages(checker=source), 1, seed)
        if isinstance(meant, FailedReply) or not meant.text.strip():
            self.usage.count_failures([failure_of(meant)])
            return None
        question = self.forms.contradiction.messages(prompt=prompt.text, other=meant.text.strip())
        [reply] = await self._draw(question, 1, self.scope.derive(prompt, CONTRADICTION, place))
        found = None if isinstance(reply, FailedReply) else parse_contradiction(reply.text, reply.finish_reason)
        self.usage.count_failures([failure_of(reply) if found is None else None])
        return found

    async def _draw(self, messages: Sequence[Message], n: int, seed: int) -> list[Reply]:
        self.usage.calls += 1
        replies = await draw(self.chat, messages, n, self.sampling, seed)
        self.usage.count(replies)
        return replies


def failure_of(reply: Reply) -> ReplyFailure:
    if isinstance(reply, FailedReply):
        return reply.failure
    if not reply.text.strip():
        return ReplyFailure.EMPTY
    return ReplyFailure.CUT_OFF if reply.finish_reason == "length" else ReplyFailure.UNPARSABLE
