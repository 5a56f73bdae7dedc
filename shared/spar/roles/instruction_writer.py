"""A teacher that writes further instructions like given examples, of a kind that code can check, over any `ChatModel`.

Knows no queue and runs no code; its callers decide which instructions are kept (arXiv 2406.13542, section 3.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.engines.base import ChatModel, Sampling
from spar.engines.drawing import FailedReply, draw
from spar.method.reading import after_thoughts
from spar.method.records import Prompt
from spar.method.templates.forms import PromptForm
from spar.roles.checker_writer import failure_of
from spar.roles.usage import SeedScope, Usage

_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
AUGMENT = "augment_instructions"
"""Seed step; the path is the round, so that the same examples give different instructions each time."""


@dataclass(frozen=True, slots=True)
class InstructionTeacher:
    """The model that writes, how it samples, and its form. `usage` counts the calls."""

    chat: ChatModel
    sampling: Sampling
    form: PromptForm
    scope: SeedScope
    usage: Usage

    async def write(self, examples: Sequence[str], count: int, turn: int) -> tuple[str, ...]:
        """The instructions of one reply; none if it holds none, which is counted as a failed reply."""
        shown = "\n".join(examples)
        seed = self.scope.derive(Prompt.of(shown), AUGMENT, turn)
        self.usage.calls += 1
        replies = await draw(self.chat, self.form.messages(examples=shown, count=str(count)), 1, self.sampling, seed)
        self.usage.count(replies)
        [reply] = replies
        found = () if isinstance(reply, FailedReply) else parse_instructions(reply.text, reply.finish_reason)
        self.usage.count_failures([None if found else failure_of(reply)])
        return found


def parse_instructions(reply: str, finish_reason: str = "stop") -> tuple[str, ...]:
    """The items of a reply's list, each once. The last one of a reply that was cut off may be incomplete: left out."""
    items = _ITEM.findall(after_thoughts(reply) or "")
    whole = items[:-1] if finish_reason == "length" else items
    return tuple(dict.fromkeys(whole))
